// Dates and times in options.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// '2026-01-31', '2026-01-31 12:00', '2026-01-31T12:00:00.5Z' (all UTC), as microseconds since 2000-01-01.
bool moment_read(const char *text, int64_t *microseconds);
