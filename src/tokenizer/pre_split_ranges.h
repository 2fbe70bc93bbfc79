// Sets of characters that pre-splits name by code point, not by category: ranges in order, none touching its
// neighbour's characters. Constant.
#pragma once

#include "tokenizer/pre_split.h"

namespace gantry::tokenizer::ranges {

// Symbols that Falcon and the default count as punctuation.
constexpr CodeRange kFalcon[] = {{U'$', U'$'}, {U'+', U'+'}, {U'<', U'>'}, {U'^', U'^'},
                                 {U'`', U'`'}, {U'|', U'|'}, {U'~', U'~'}};
constexpr CodeRange kDefault[] = {{U'$', U'$'}, {U'+', U'+'}, {U'<', U'>'},
                                  {U'^', U'^'}, {U'|', U'|'}, {U'~', U'~'}};

// The letters of DeepSeek's first tokenizers: cased scripts by code point.
constexpr CodeRange kDeepseekLetters[] = {
    {U'A', U'Z'},       {U'a', U'z'},       {0xB5, 0xB5},       {0xC0, 0xD6},       {0xD8, 0xF6},
    {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},     {0x295, 0x2AF},     {0x370, 0x373},
    {0x376, 0x377},     {0x37B, 0x37D},     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},
    {0x38C, 0x38C},     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},
    {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},
    {0x210A, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
    {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},
    {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},
    {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},   {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943}};
// [!-/:-~！-／：-～‘-‟　-。]
constexpr CodeRange kDeepseekPunctuation[] = {{U'!', U'/'},     {U':', U'~'},     {0x2018, 0x201F},
                                              {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
// [一-龥ࠀ-一가-퟿]
constexpr CodeRange kDeepseekCjk[] = {{0x800, 0x9FA5}, {0xAC00, 0xD7FF}};

// [一-龥぀-ゟ゠-ヿ]+
constexpr CodeRange kHanAndKana[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};

// Scripts without spaces and their neighbours, for afmoe.
constexpr CodeRange kAfmoeScripts[] = {{0x0E40, 0x0EFF}, {0x1000, 0x109F}, {0x1100, 0x11FF}, {0x1780, 0x17FF},
                                       {0x2F00, 0x2FDF}, {0x3040, 0x30FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
                                       {0xA9E0, 0xA9FF}, {0xAA60, 0xAA7F}, {0xAC00, 0xD7AF}, {0xF900, 0xFAFF},
                                       {0xFF65, 0xFF9F}};

// youtu: Hangul, East Asian punctuation, Bopomofo.
constexpr CodeRange kHangul[] = {{0x3131, 0x318E}, {0xAC00, 0xD7A3}};
constexpr CodeRange kEastAsianPunctuation[] = {{0x2014, 0x2014}, {0x2018, 0x2019}, {0x201C, 0x201D},
                                               {0x2026, 0x2026}, {0x3001, 0x303F}, {0xFE30, 0xFE4F},
                                               {0xFF01, 0xFF01}, {0xFF0C, 0xFF0C}, {0xFF1A, 0xFF1B}};
constexpr CodeRange kBopomofo[] = {{0x3105, 0x312F}};

// bloom and its relatives cut at white space and at these.
constexpr CodeRange kBloomStops[] = {{U'!', U'!'},     {U'(', U')'},     {U',', U','},     {U'.', U'.'},
                                     {U'?', U'?'},     {U'|', U'|'},     {0x060C, 0x060C}, {0x06D4, 0x06D4},
                                     {0x0964, 0x0964}, {0x2026, 0x2026}, {0x3001, 0x3001}, {0x3002, 0x3002},
                                     {0xFF0C, 0xFF0C}};

// Symbols that count as letters of a word.
constexpr CodeRange kCircledLetters[] = {
    {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};

// chameleon
constexpr CodeRange kAToI[] = {{U'A', U'I'}};
constexpr CodeRange kTabAndLineFeed[] = {{U'\t', U'\n'}};

constexpr bool in_order(std::span<const CodeRange> ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].first > ranges[i].last || (i > 0 && ranges[i - 1].last >= ranges[i].first)) return false;
  }
  return true;
}
static_assert(in_order(kFalcon) && in_order(kDefault) && in_order(kDeepseekLetters) &&
              in_order(kDeepseekPunctuation) && in_order(kDeepseekCjk) && in_order(kHanAndKana) &&
              in_order(kAfmoeScripts) && in_order(kHangul) && in_order(kEastAsianPunctuation) &&
              in_order(kBopomofo) && in_order(kCircledLetters) && in_order(kBloomStops) && in_order(kAToI) &&
              in_order(kTabAndLineFeed));

}  // namespace gantry::tokenizer::ranges
