// SCRAM-SHA-256 verifiers, on the digests of sha2.c. Messages of a login are the wire's (wire/scram.c).
#include "expr/scram.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "expr/sha2.h"

enum { DIGEST = 32, BLOCK = 64, TEXT_LIMIT = 256, SALT_LIMIT = 1024 };
static const char prefix[] = "SCRAM-SHA-256$";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// --- HMAC (RFC 2104) and PBKDF2 (RFC 8018, 5.2) for one block -----------------------------------------

struct hmac_key {
  uint8_t inner[BLOCK], outer[BLOCK];
};

static void hmac_init(struct hmac_key *key, struct bytes secret)
{
  uint8_t block[BLOCK] = {0}, digest[SHA2_LARGEST];
  if (secret.size > BLOCK) {
    sha2_digest(256, secret, digest);
    secret = bytes_of(digest, DIGEST);
  }
  if (secret.size)
    memcpy(block, secret.data, secret.size);
  for (int i = 0; i < BLOCK; i++) {
    key->inner[i] = block[i] ^ 0x36;
    key->outer[i] = block[i] ^ 0x5c;
  }
}

// message: at most TEXT_LIMIT bytes.
static void hmac(const struct hmac_key *key, struct bytes message, uint8_t digest[DIGEST])
{
  uint8_t text[BLOCK + TEXT_LIMIT], full[SHA2_LARGEST];
  memcpy(text, key->inner, BLOCK);
  memcpy(text + BLOCK, message.data, message.size);
  sha2_digest(256, bytes_of(text, BLOCK + message.size), full);
  memcpy(text, key->outer, BLOCK);
  memcpy(text + BLOCK, full, DIGEST);
  sha2_digest(256, bytes_of(text, BLOCK + DIGEST), full);
  memcpy(digest, full, DIGEST);
}

static void salted_password(struct bytes password, struct bytes salt, int iterations, uint8_t result[DIGEST])
{
  struct hmac_key key;
  uint8_t first[TEXT_LIMIT], round[DIGEST];
  hmac_init(&key, password);
  memcpy(first, salt.data, salt.size);
  put_be32(first + salt.size, 1);
  hmac(&key, bytes_of(first, salt.size + 4), round);
  memcpy(result, round, DIGEST);
  for (int i = 1; i < iterations; i++) {
    hmac(&key, bytes_of(round, DIGEST), round);
    for (int b = 0; b < DIGEST; b++)
      result[b] ^= round[b];
  }
}

static void make_keys(const uint8_t salted[DIGEST], uint8_t stored[DIGEST], uint8_t server[DIGEST])
{
  struct hmac_key key;
  uint8_t client[DIGEST], full[SHA2_LARGEST];
  hmac_init(&key, bytes_of(salted, DIGEST));
  hmac(&key, bytes_of_string("Client Key"), client);
  sha2_digest(256, bytes_of(client, DIGEST), full);
  memcpy(stored, full, DIGEST);
  hmac(&key, bytes_of_string("Server Key"), server);
}

// --- Base 64 ---------------------------------------------------------------------------------------

static char *put_base64(char *to, const uint8_t *from, size_t size)
{
  for (size_t i = 0; i < size; i += 3) {
    uint32_t three = (uint32_t)from[i] << 16 | (i + 1 < size ? (uint32_t)from[i + 1] << 8 : 0) |
                     (i + 2 < size ? from[i + 2] : 0u);
    *to++ = digits[three >> 18];
    *to++ = digits[three >> 12 & 63];
    *to++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
    *to++ = i + 2 < size ? digits[three & 63] : '=';
  }
  *to = 0;
  return to;
}

// Bytes that were read, up to `room`; -1: it is not base 64, or longer.
static int get_base64(const char *text, size_t size, uint8_t *to, int room)
{
  int count = 0;
  if (size % 4)
    return -1;
  for (size_t i = 0; i < size; i += 4) {
    uint32_t four = 0;
    int padding = 0;
    for (int c = 0; c < 4; c++) {
      const char *digit = text[i + c] ? strchr(digits, text[i + c]) : NULL;
      bool is_padding = text[i + c] == '=' && i + 4 == size && c >= 2;
      if ((!digit && !is_padding) || (digit && padding))
        return -1;
      padding += is_padding;
      four = four << 6 | (digit ? (uint32_t)(digit - digits) : 0);
    }
    for (int b = 0; b < 3 - padding; b++) {
      if (count == room)
        return -1;
      to[count++] = (uint8_t)(four >> (16 - 8 * b));
    }
  }
  return count;
}

// --- Passwords --------------------------------------------------------------------------------------

static bool is_ascii(struct bytes text)
{
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] & 0x80)
      return false;
  return true;
}

// SASLprep: blanks of all kinds become one, what is mapped to nothing goes, and then NFKC. NULL: cannot be prepared.
static uint8_t *prepare(struct bytes password)
{
  uint8_t *mapped = malloc(password.size * 4 + 1), *normal = NULL;
  utf8proc_ssize_t size = 0;
  utf8proc_int32_t c;
  for (size_t i = 0; mapped && i < password.size;) {
    utf8proc_ssize_t width = utf8proc_iterate(password.data + i, (utf8proc_ssize_t)(password.size - i), &c);
    if (width <= 0) {
      free(mapped);
      return NULL;
    }
    i += (size_t)width;
    bool is_nothing = c == 0xad || c == 0x34f || c == 0x1806 || (c >= 0x180b && c <= 0x180d) ||
                      (c >= 0x200b && c <= 0x200d) || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff;
    if (is_nothing)
      continue;
    size += utf8proc_encode_char(c != 0x1680 && utf8proc_category(c) == UTF8PROC_CATEGORY_ZS ? ' ' : c, mapped + size);
  }
  if (mapped)
    utf8proc_map(mapped, size, &normal, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  free(mapped);
  return normal; // by malloc
}

void scram_make_verifier(struct bytes password, const uint8_t salt[SCRAM_SALT], char verifier[SCRAM_VERIFIER])
{
  uint8_t salted[DIGEST], stored[DIGEST], server[DIGEST];
  uint8_t *prepared = is_ascii(password) ? NULL : prepare(password);
  struct bytes text = prepared && prepared[0] ? bytes_of_string((char *)prepared) : password;
  salted_password(text, bytes_of(salt, SCRAM_SALT), SCRAM_ITERATIONS, salted);
  free(prepared);
  make_keys(salted, stored, server);
  char *at = verifier + snprintf(verifier, SCRAM_VERIFIER, "%s%d:", prefix, SCRAM_ITERATIONS);
  at = put_base64(at, salt, SCRAM_SALT);
  *at++ = '$';
  at = put_base64(at, stored, DIGEST);
  *at++ = ':';
  put_base64(at, server, DIGEST);
}

bool scram_is_verifier(const char *text)
{
  uint8_t bytes[SALT_LIMIT];
  if (strncmp(text, prefix, sizeof prefix - 1) != 0)
    return false;
  char *end;
  long iterations = strtol(text + sizeof prefix - 1, &end, 10);
  if (iterations < 1 || iterations > INT32_MAX || *end != ':')
    return false;
  const char *salt = end + 1, *stored = strchr(salt, '$'), *server = stored ? strchr(stored + 1, ':') : NULL;
  return server && get_base64(salt, (size_t)(stored - salt), bytes, SALT_LIMIT) > 0 &&
         get_base64(stored + 1, (size_t)(server - stored - 1), bytes, SALT_LIMIT) == DIGEST &&
         get_base64(server + 1, strlen(server + 1), bytes, SALT_LIMIT) == DIGEST;
}
