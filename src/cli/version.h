// The version of sbx: printed by `sbx version`, kept in step with the manual pages.
#pragma once

namespace sbx {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace sbx
