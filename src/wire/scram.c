// SCRAM-SHA-256, the server's side. Every message is bounded, and is read as PostgreSQL's server reads it.
#include "wire/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"

enum { NONCE_BYTES = 18, FAKE_SALT = 16, FAKE_ITERATIONS = 4096, BINDING_TEXT = 256 };

// --- Bytes ---------------------------------------------------------------------------------------

static void digest_keyed(const void *key, size_t key_size, struct bytes text, uint8_t digest[SCRAM_DIGEST])
{
  unsigned size = SCRAM_DIGEST;
  HMAC(EVP_sha256(), key, (int)key_size, text.data, text.size, digest, &size);
}

static void put_base64(const uint8_t *bytes, size_t size, char *text)
{
  EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
}

// True: the text is base 64 of exactly `size` bytes.
static bool get_base64(struct bytes text, uint8_t *bytes, size_t size)
{
  uint8_t scratch[SCRAM_SALT_LIMIT];
  if (text.size == 0 || text.size % 4 || text.size / 4 * 3 > sizeof scratch || size > text.size / 4 * 3)
    return false;
  size_t padding = (text.data[text.size - 1] == '=') + (size_t)(text.data[text.size - 2] == '=');
  if (text.size / 4 * 3 - padding != size || memchr(text.data, '=', text.size - padding) ||
      EVP_DecodeBlock(scratch, text.data, (int)text.size) < 0)
    return false;
  memcpy(bytes, scratch, size);
  return true;
}

// --- Verifiers -------------------------------------------------------------------------------------

// "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey". False: it has another form.
static bool read_verifier(struct scram *scram, const char *verifier)
{
  static const char prefix[] = "SCRAM-SHA-256$";
  if (strncmp(verifier, prefix, sizeof prefix - 1) != 0)
    return false;
  char *end;
  scram->iterations = (uint32_t)strtoul(verifier + sizeof prefix - 1, &end, 10);
  const char *salt = end + 1, *stored = *end == ':' ? strchr(salt, '$') : NULL;
  const char *server = stored ? strchr(stored + 1, ':') : NULL;
  if (!server || (size_t)(stored - salt) >= SCRAM_SALT_LIMIT)
    return false;
  memcpy(scram->salt, salt, (size_t)(stored - salt));
  scram->salt[stored - salt] = 0;
  return get_base64(bytes_of(stored + 1, (size_t)(server - stored - 1)), scram->stored_key, SCRAM_DIGEST) &&
         get_base64(bytes_of_string(server + 1), scram->server_key, SCRAM_DIGEST);
}

static void make_fake(struct scram *scram, const struct scram_options *options)
{
  uint8_t digest[SCRAM_DIGEST];
  digest_keyed(options->secret, SCRAM_DIGEST, bytes_of_string(options->user), digest);
  put_base64(digest, FAKE_SALT, scram->salt);
  scram->iterations = FAKE_ITERATIONS;
  scram->is_doomed = true;
}

void scram_open(struct scram *scram, const struct scram_options *options)
{
  *scram = (struct scram){.has_binding = options->binding.size > 0, .binding_size = options->binding.size};
  if (scram->binding_size > sizeof scram->binding)
    scram->binding_size = sizeof scram->binding;
  if (scram->binding_size)
    memcpy(scram->binding, options->binding.data, scram->binding_size);
  if (!options->verifier || !read_verifier(scram, options->verifier))
    make_fake(scram, options);
  put_base64(options->nonce, NONCE_BYTES, scram->nonce); // until the client's stands before it
}

void scram_close(struct scram *scram)
{
  buffer_deinit(&scram->messages);
  OPENSSL_cleanse(scram, sizeof *scram);
  *scram = (struct scram){0};
}

// --- Reading messages ------------------------------------------------------------------------------

static int malformed(const char *detail, struct error *error)
{
  int status = error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message");
  error_detail(error, "%s", detail);
  return status;
}

struct reader {
  const char *at, *end;
};

// The attribute "name=value" that stands next, with the comma behind it. False: another stands there.
static bool read_attribute(struct reader *reader, char name, struct bytes *value)
{
  if (reader->end - reader->at < 2 || reader->at[0] != name || reader->at[1] != '=')
    return false;
  const char *begin = reader->at + 2, *comma = memchr(begin, ',', (size_t)(reader->end - begin));
  const char *end = comma ? comma : reader->end;
  *value = bytes_of(begin, (size_t)(end - begin));
  reader->at = comma ? comma + 1 : end;
  return true;
}

static bool is_nonce(struct bytes text)
{
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] < 0x21 || text.data[i] > 0x7e || text.data[i] == ',')
      return false;
  return text.size > 0 && text.size < SCRAM_MESSAGE_LIMIT;
}

static int binding_error(const char *message, const char *detail, struct error *error)
{
  int status = error_set(error, SQLSTATE_INVALID_AUTHORIZATION, "%s", message);
  if (detail)
    error_detail(error, "%s", detail);
  return status;
}

// The GS2 header: "n,,", "y,," or "p=tls-server-end-point,,".
static int read_header(struct scram *scram, struct reader *reader, struct error *error)
{
  struct bytes kind;
  scram->binding_flag = reader->at < reader->end ? *reader->at : 0;
  switch (scram->binding_flag) {
  case 'n':
  case 'y':
    if (scram->is_bound)
      return malformed("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
                       error);
    if (scram->binding_flag == 'y' && scram->has_binding)
      return binding_error("SCRAM channel binding negotiation error",
                           "The client supports SCRAM channel binding but thinks the server does not.  However, this "
                           "server does support channel binding.",
                           error);
    if (reader->end - reader->at < 2 || reader->at[1] != ',')
      return malformed("Comma expected, but found another character.", error);
    reader->at += 2;
    break;
  case 'p':
    if (!scram->is_bound)
      return malformed("The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel "
                       "binding data.",
                       error);
    if (!read_attribute(reader, 'p', &kind) || !bytes_equal(kind, bytes_of_string("tls-server-end-point")))
      return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "unsupported SCRAM channel-binding type");
    break;
  default: return malformed("Unexpected channel-binding flag.", error);
  }
  if (reader->at < reader->end && *reader->at == 'a')
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "client uses authorization identity, but it is not supported");
  if (reader->at >= reader->end || *reader->at != ',')
    return malformed("Unexpected attribute in client-first-message.", error);
  reader->at++;
  return 0;
}

int scram_first(struct scram *scram, const char *mechanism, struct bytes message, struct buffer *answer,
                struct error *error)
{
  bool is_plus = strcmp(mechanism, "SCRAM-SHA-256-PLUS") == 0 && scram->has_binding;
  scram->state = SCRAM_FAILED;
  if (!is_plus && strcmp(mechanism, "SCRAM-SHA-256") != 0)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "client selected an invalid SASL authentication mechanism");
  if (message.size > SCRAM_MESSAGE_LIMIT || (message.size && memchr(message.data, 0, message.size)))
    return malformed("Message length does not match input length.", error);
  scram->is_bound = is_plus;
  struct reader reader = {.at = (const char *)message.data, .end = (const char *)message.data + message.size};
  int status = read_header(scram, &reader, error);
  if (status)
    return status;
  struct bytes bare = bytes_of(reader.at, (size_t)(reader.end - reader.at)), name, nonce;
  if (reader.at < reader.end && *reader.at == 'm')
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension");
  if (!read_attribute(&reader, 'n', &name) || !read_attribute(&reader, 'r', &nonce))
    return malformed("Attribute expected, but another was found.", error);
  if (!is_nonce(nonce))
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "non-printable characters in SCRAM nonce");
  size_t own = strlen(scram->nonce);
  memmove(scram->nonce + nonce.size, scram->nonce, own + 1);
  memcpy(scram->nonce, nonce.data, nonce.size);
  size_t begin = answer->size;
  buffer_format(answer, "r=%s,s=%s,i=%u", scram->nonce, scram->salt, scram->iterations);
  buffer_append_bytes(&scram->messages, bare);
  buffer_append_u8(&scram->messages, ',');
  if (answer->failed)
    return error_memory(error);
  buffer_append(&scram->messages, answer->data + begin, answer->size - begin);
  if (scram->messages.failed)
    return error_memory(error);
  scram->state = SCRAM_CHALLENGED;
  return 0;
}

// What the attribute c of the last message must be: the header of the first one, and the certificate's digest.
static void expected_binding(const struct scram *scram, char text[BINDING_TEXT])
{
  uint8_t bytes[128];
  int size = snprintf((char *)bytes, sizeof bytes, "%s",
                      scram->is_bound ? "p=tls-server-end-point,," : scram->binding_flag == 'y' ? "y,," : "n,,");
  if (scram->is_bound) {
    memcpy(bytes + size, scram->binding, scram->binding_size);
    size += (int)scram->binding_size;
  }
  put_base64(bytes, (size_t)size, text);
}

// StoredKey = H(ClientProof xor HMAC(StoredKey, messages))?
static bool proof_is_good(const struct scram *scram, const uint8_t proof[SCRAM_DIGEST])
{
  uint8_t key[SCRAM_DIGEST], digest[SCRAM_DIGEST];
  unsigned size = SCRAM_DIGEST;
  digest_keyed(scram->stored_key, SCRAM_DIGEST, buffer_bytes(&scram->messages), key);
  for (int i = 0; i < SCRAM_DIGEST; i++)
    key[i] ^= proof[i];
  bool is_good = EVP_Digest(key, SCRAM_DIGEST, digest, &size, EVP_sha256(), NULL) == 1 &&
                 CRYPTO_memcmp(digest, scram->stored_key, SCRAM_DIGEST) == 0;
  return is_good && !scram->is_doomed;
}

int scram_final(struct scram *scram, struct bytes message, struct buffer *answer, struct error *error)
{
  struct reader reader = {.at = (const char *)message.data, .end = (const char *)message.data + message.size};
  struct bytes binding, nonce, value;
  char expected[BINDING_TEXT];
  scram->state = SCRAM_FAILED;
  if (message.size > SCRAM_MESSAGE_LIMIT * 2 || (message.size && memchr(message.data, 0, message.size)))
    return malformed("Message length does not match input length.", error);
  if (!read_attribute(&reader, 'c', &binding))
    return malformed("Attribute expected, but another was found.", error);
  expected_binding(scram, expected);
  if (!bytes_equal(binding, bytes_of_string(expected)))
    return scram->is_bound ? binding_error("SCRAM channel binding check failed", NULL, error)
                           : error_set(error, SQLSTATE_PROTOCOL_VIOLATION,
                                       "unexpected SCRAM channel-binding attribute in client-final-message");
  if (!read_attribute(&reader, 'r', &nonce))
    return malformed("Attribute expected, but another was found.", error);
  if (!bytes_equal(nonce, bytes_of_string(scram->nonce))) {
    int status = error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "invalid SCRAM response");
    error_detail(error, "Nonce does not match.");
    return status;
  }
  const char *without_proof = reader.at - 1; // the comma before what comes now
  uint8_t proof[SCRAM_DIGEST];
  bool has_proof = false;
  while (reader.at < reader.end && !has_proof) { // extensions may stand before the proof
    without_proof = reader.at - 1;
    has_proof = read_attribute(&reader, 'p', &value);
    if (!has_proof && !read_attribute(&reader, *reader.at, &value))
      return malformed("Attribute expected, but another was found.", error);
  }
  if (!has_proof || !get_base64(value, proof, SCRAM_DIGEST))
    return malformed("Malformed proof in client-final-message.", error);
  if (reader.at != reader.end)
    return malformed("Garbage found at the end of client-final-message.", error);
  buffer_append_u8(&scram->messages, ',');
  buffer_append(&scram->messages, message.data, (size_t)(without_proof - (const char *)message.data));
  if (scram->messages.failed)
    return error_memory(error);
  if (!proof_is_good(scram, proof))
    return 0;
  uint8_t signature[SCRAM_DIGEST];
  char text[64];
  digest_keyed(scram->server_key, SCRAM_DIGEST, buffer_bytes(&scram->messages), signature);
  put_base64(signature, SCRAM_DIGEST, text);
  buffer_format(answer, "v=%s", text);
  scram->state = answer->failed ? SCRAM_FAILED : SCRAM_DONE;
  return answer->failed ? error_memory(error) : 0;
}
