// The end of a process whose code broke its own promise.
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line)
{
  fprintf(stderr, "quern: internal error: %s (%s:%d)\n", condition, file, line);
  abort();
}
