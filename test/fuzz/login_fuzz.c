// What a client says while it logs in, and what a file of rules says: any bytes get an answer or an error, and nobody comes
// in without the password.
//
// The first byte chooses: even, rules; odd, a SCRAM login, whose messages are separated by line feeds: mechanism, the first
// one, the last one.
#include <stdlib.h>
#include <string.h>

#include "wire/rules.h"
#include "wire/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_member(void *context, const char *role)
{
  return strlen(role) % 2 != 0;
}

static void ask_rules(const uint8_t *data, size_t size)
{
  char *text = malloc(size + 1);
  if (!text)
    return;
  memcpy(text, data, size);
  text[size] = 0;
  struct rules *rules;
  struct error error;
  struct socket_address peer;
  if (!rules_parse("rules", text, &rules, &error)) {
    static const char *const peers[] = {"127.0.0.1", "10.0.0.7", "::1"};
    for (int i = 0; i < 6; i++) {
      struct rule_question question = {.peer = &peer, .has_tls = i % 2, .database = "d", .user = "u", .is_member = is_member};
      if (!socket_resolve(peers[i / 2], 1, &peer, &error) && rules_find(rules, &question) == METHOD_TRUST && i / 2 == 1)
        abort(); // never from elsewhere
    }
    rules_close(rules);
  }
  free(text);
}

static struct bytes next_line(const uint8_t **data, size_t *size)
{
  const uint8_t *end = memchr(*data, '\n', *size);
  struct bytes line = bytes_of(*data, end ? (size_t)(end - *data) : *size);
  *data += line.size + (end != NULL);
  *size -= line.size + (end != NULL);
  return line;
}

static void log_in(uint8_t choice, const uint8_t *data, size_t size)
{
  static const uint8_t secret[32] = {1}, nonce[18] = {2};
  static const char verifier[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                                 "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
  struct scram scram;
  struct scram_options options = {.user = "user", .verifier = choice & 2 ? NULL : verifier, .secret = secret,
                                  .nonce = nonce, .binding = bytes_of(secret, choice & 4 ? 32 : 0)};
  struct buffer answer = {0};
  struct error error;
  char mechanism[64];
  scram_open(&scram, &options);
  struct bytes line = next_line(&data, &size);
  size_t length = line.size < sizeof mechanism ? line.size : sizeof mechanism - 1;
  memcpy(mechanism, line.data, length);
  mechanism[length] = 0;
  if (!scram_first(&scram, mechanism, next_line(&data, &size), &answer, &error)) {
    buffer_clear(&answer);
    (void)!scram_final(&scram, bytes_of(data, size), &answer, &error);
    if (scram.state == SCRAM_DONE)
      abort(); // the proof is not in the corpus
  }
  buffer_deinit(&answer);
  scram_close(&scram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  if (data[0] % 2)
    log_in(data[0], data + 1, size - 1);
  else
    ask_rules(data + 1, size - 1);
  return 0;
}
