// Any bytes as messages to a session, as they would come through a socket: no crash, no hang, no leak, and the next
// session is served. One engine for all inputs would hide which one did it, so each input has its own.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "quern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
  bool is_over;
  uint64_t ready;
};

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct seen *seen = context;
  struct quern_message message;
  seen->is_over |= size == 0;
  while (quern_next_message(&messages, &size, &message))
    seen->ready += message.type == 'Z';
}

// The bytes as whole messages: a type, a length that is made to fit (two bytes of the input say how long), a body.
static void submit_framed(struct quern_session *session, const uint8_t *data, size_t size)
{
  struct quern_buffer request = {.data = malloc(size * 3 + 16)};
  while (size >= 3) {
    size_t body = get_be16(data + 1);
    body = body < size - 3 ? body : size - 3;
    uint8_t *at = request.data + request.size;
    at[0] = data[0];
    put_be32(at + 1, (uint32_t)body + 4);
    memcpy(at + 5, data + 3, body);
    request.size += 5 + body;
    data += 3 + body;
    size -= 3 + body;
  }
  (void)quern_submit(session, request.data, request.size);
  quern_buffer_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct quern *engine;
  struct quern_error error;
  struct seen seen = {0};
  struct quern_options options = {.abi = QUERN_ABI, .memory_limit = 64 << 20, .statement_memory = 8 << 20};
  if (size > 65536 || quern_open(&options, &engine, &error))
    return 0;
  struct quern_session_options session_options = {.reply = on_reply, .context = &seen};
  struct quern_session *session = quern_session_open(engine, &session_options, &error);
  if (!session)
    abort();
  submit_framed(session, data, size);
  for (int i = 0; i < 64 && quern_run(engine, 8) > 0; i++)
    ;
  (void)quern_submit(session, data, size); // as they are: most often refused
  if (quern_run(engine, 8) < 0)
    abort();
  quern_close(engine);
  return 0;
}
