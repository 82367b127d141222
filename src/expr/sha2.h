// The SHA-2 digests (FIPS 180-4), for the SQL functions of those names.
#pragma once

#include "base/bytes.h"

enum { SHA2_LARGEST = 64 };

// bits: 224, 256, 384 or 512; bits / 8 bytes are written.
void sha2_digest(int bits, struct bytes text, uint8_t digest[SHA2_LARGEST]);
