// Random bytes from the kernel: seeds, secrets, the id of a new log.
#pragma once

#include <stddef.h>

#include "base/error.h"

int random_fill(void *data, size_t size, struct error *error);
