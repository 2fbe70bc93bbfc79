#include "fleet/loader.h"

#include <sys/stat.h>

namespace gantry::fleet {

ModelCard describe(const LoadSettings& settings) {
  ModelCard card;
  card.id = id_of(settings);
  struct stat status {};
  const char* file = settings.model_bytes.empty() ? settings.model_path.c_str() : "/proc/self/exe";
  if (::stat(file, &status) == 0) card.created = status.st_mtime;
  return card;
}

}  // namespace gantry::fleet
