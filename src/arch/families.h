// One function for each model family: header in, Blueprint out. The registry (registry.cc) lists them once.
#pragma once

#include "arch/blueprint.h"
#include "arch/header.h"

namespace gantry::arch {

Blueprint read_arcee(Header& header);
Blueprint read_baichuan(Header& header);
Blueprint read_bailingmoe(Header& header);
Blueprint read_bailingmoe2(Header& header);
Blueprint read_bloom(Header& header);
Blueprint read_chatglm(Header& header);
Blueprint read_cohere2(Header& header);
Blueprint read_command_r(Header& header);
Blueprint read_deepseek(Header& header);
Blueprint read_deepseek2(Header& header);
Blueprint read_dots1(Header& header);
Blueprint read_ernie4_5(Header& header);
Blueprint read_ernie4_5_moe(Header& header);
Blueprint read_exaone(Header& header);
Blueprint read_exaone4(Header& header);
Blueprint read_falcon(Header& header);
Blueprint read_gemma(Header& header);
Blueprint read_gemma2(Header& header);
Blueprint read_gemma3(Header& header);
Blueprint read_glm4(Header& header);
Blueprint read_glm4moe(Header& header);
Blueprint read_gpt2(Header& header);
Blueprint read_gpt_oss(Header& header);
Blueprint read_gptneox(Header& header);
Blueprint read_granite(Header& header);
Blueprint read_hunyuan_dense(Header& header);
Blueprint read_hunyuan_moe(Header& header);
Blueprint read_internlm2(Header& header);
Blueprint read_lfm2(Header& header);
Blueprint read_lfm2moe(Header& header);
Blueprint read_llama(Header& header);
Blueprint read_mamba2(Header& header);
Blueprint read_minicpm(Header& header);
Blueprint read_minimax_m2(Header& header);
Blueprint read_mistral3(Header& header);
Blueprint read_mpt(Header& header);
Blueprint read_nemotron(Header& header);
Blueprint read_olmo(Header& header);
Blueprint read_olmo2(Header& header);
Blueprint read_olmoe(Header& header);
Blueprint read_orion(Header& header);
Blueprint read_phi2(Header& header);
Blueprint read_phi3(Header& header);
Blueprint read_plamo(Header& header);
Blueprint read_qwen(Header& header);
Blueprint read_qwen2(Header& header);
Blueprint read_qwen2moe(Header& header);
Blueprint read_qwen3(Header& header);
Blueprint read_qwen3moe(Header& header);
Blueprint read_qwen35(Header& header);
Blueprint read_refact(Header& header);
Blueprint read_seed_oss(Header& header);
Blueprint read_smollm3(Header& header);
Blueprint read_stablelm(Header& header);
Blueprint read_starcoder2(Header& header);
Blueprint read_xverse(Header& header);

}  // namespace gantry::arch
