// The SHA-2 digests. The 32-bit family's round constants are the upper halves of the 64-bit one's.
#include "expr/sha2.h"

#include <string.h>

static const uint64_t rounds[80] = {
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
  0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
  0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
  0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
  0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
  0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
  0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
  0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static const uint64_t first_512[8] = {
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint64_t first_384[8] = {
  0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
  0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static uint32_t turn32(uint32_t v, int by) { return v >> by | v << (32 - by); }
static uint64_t turn64(uint64_t v, int by) { return v >> by | v << (64 - by); }

static void block_256(uint32_t state[8], const uint8_t *block)
{
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++)
    w[i] = get_be32(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (turn32(a, 7) ^ turn32(a, 18) ^ a >> 3) + (turn32(b, 17) ^ turn32(b, 19) ^ b >> 10);
  }
  memcpy(s, state, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t one = turn32(s[4], 6) ^ turn32(s[4], 11) ^ turn32(s[4], 25), choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    uint32_t zero = turn32(s[0], 2) ^ turn32(s[0], 13) ^ turn32(s[0], 22);
    uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    uint32_t t = s[7] + one + choice + (uint32_t)(rounds[i] >> 32) + w[i];
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += t;
    s[0] = t + zero + majority;
  }
  for (int i = 0; i < 8; i++)
    state[i] += s[i];
}

static void block_512(uint64_t state[8], const uint8_t *block)
{
  uint64_t w[80], s[8];
  for (int i = 0; i < 16; i++)
    w[i] = get_be64(block + 8 * i);
  for (int i = 16; i < 80; i++) {
    uint64_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (turn64(a, 1) ^ turn64(a, 8) ^ a >> 7) + (turn64(b, 19) ^ turn64(b, 61) ^ b >> 6);
  }
  memcpy(s, state, sizeof s);
  for (int i = 0; i < 80; i++) {
    uint64_t one = turn64(s[4], 14) ^ turn64(s[4], 18) ^ turn64(s[4], 41), choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    uint64_t zero = turn64(s[0], 28) ^ turn64(s[0], 34) ^ turn64(s[0], 39);
    uint64_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    uint64_t t = s[7] + one + choice + rounds[i] + w[i];
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += t;
    s[0] = t + zero + majority;
  }
  for (int i = 0; i < 8; i++)
    state[i] += s[i];
}

struct state {
  uint32_t narrow[8];
  uint64_t wide[8];
};

static void start(struct state *state, int bits)
{
  const uint64_t *first = bits == 256 || bits == 512 ? first_512 : first_384;
  for (int i = 0; i < 8; i++) {
    state->wide[i] = first[i];
    state->narrow[i] = (uint32_t)(bits == 224 ? first[i] : first[i] >> 32);
  }
}

static void take_block(struct state *state, bool is_wide, const uint8_t *block)
{
  if (is_wide)
    block_512(state->wide, block);
  else
    block_256(state->narrow, block);
}

void sha2_digest(int bits, struct bytes text, uint8_t digest[SHA2_LARGEST])
{
  bool is_wide = bits > 256;
  size_t block = is_wide ? 128 : 64, length = is_wide ? 16 : 8, at = 0;
  struct state state;
  start(&state, bits);
  for (; at + block <= text.size; at += block)
    take_block(&state, is_wide, text.data + at);
  uint8_t last[256] = {0};
  size_t rest = text.size - at, size = rest + 1 + length <= block ? block : 2 * block;
  if (rest)
    memcpy(last, text.data + at, rest);
  last[rest] = 0x80;
  put_be64(last + size - 8, (uint64_t)text.size * 8);
  for (at = 0; at < size; at += block)
    take_block(&state, is_wide, last + at);
  uint8_t all[SHA2_LARGEST];
  for (int i = 0; i < 8; i++)
    if (is_wide)
      put_be64(all + 8 * i, state.wide[i]);
    else
      put_be32(all + 4 * i, state.narrow[i]);
  memcpy(digest, all, (size_t)bits / 8);
}
