// The server's secret: salts of names that have no password come from it, the same ones after every start.
#pragma once

#include <stdint.h>

#include "base/error.h"

enum { SECRET_SIZE = 32 };

// Kept as login.secret in the directory, made at the first time; NULL: made, and kept nowhere.
int secret_read(const char *directory, uint8_t secret[SECRET_SIZE], struct error *error);
