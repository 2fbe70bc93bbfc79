#include "fleet/opened_model.h"

#include "fleet/wording.h"

namespace gantry::fleet {

OpenedModel open_model(const device::Registry& registry, const LoadSettings& settings,
                       bool logits_of_all_rows, bool whole_windows) {
  check_wording(settings);
  plan::Settings wishes;
  wishes.context = settings.context;
  wishes.sequences = settings.sequences;
  wishes.step_rows = settings.step_rows;
  wishes.checkpoints = settings.checkpoints;
  wishes.kv_dtype = plan::parse_kv_dtype(settings.kv_type);
  wishes.logits_of_all_rows = logits_of_all_rows;
  wishes.whole_windows = whole_windows || logits_of_all_rows;

  OpenedModel opened;
  opened.file = settings.model_bytes.empty()
                    ? gguf::GgufFile::open(settings.model_path)
                    : gguf::GgufFile::parse(settings.model_bytes, settings.model_path);
  opened.blueprint = std::make_unique<const arch::Blueprint>(arch::read_blueprint(*opened.file));
  opened.device = registry.open(settings.devices.empty() ? "cpu" : settings.devices,
                                {settings.isa, settings.threads, settings.memory_cap_bytes});
  opened.plan = plan::make_plan(*opened.blueprint, wishes, opened.device->facts(), opened.device->sizer());
  return opened;
}

}  // namespace gantry::fleet
