// Hashes: XXH3 for checksums, maps and reply hashes.
#pragma once

#include <xxhash.h>

#include "base/bytes.h"

static inline uint64_t hash64(const void *data, size_t size, uint64_t seed)
{
  return XXH3_64bits_withSeed(data, size, seed);
}

struct hash128 {
  uint64_t low, high;
};

static inline struct hash128 hash128(const void *data, size_t size, uint64_t seed)
{
  XXH128_hash_t h = XXH3_128bits_withSeed(data, size, seed);
  return (struct hash128){.low = h.low64, .high = h.high64};
}
