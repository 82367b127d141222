// Any text as a statement: an answer or a clear error, in bounded memory, and an engine that still works.
#include <stdlib.h>
#include <string.h>

#include "quern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct quern *engine;
static struct quern_session *session;
static uint64_t ready, errors;

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message)) {
    ready += message.type == 'Z';
    errors += message.type == 'E';
    if (message.type == 'E' && (!quern_error_field(&message, 'C') || !quern_error_field(&message, 'M')))
      abort();
  }
}

static void run(const char *text)
{
  struct quern_buffer request = {0};
  quern_add_query(&request, text);
  uint64_t before = ready;
  if (quern_submit(session, request.data, request.size))
    abort();
  quern_buffer_free(&request);
  // A COPY FROM STDIN waits for data: it gets its end.
  for (int i = 0; i < 1000000 && ready == before; i++) {
    int more = quern_run(engine, 8);
    if (more < 0)
      abort();
    if (!more && ready == before && !quern_wait(engine, 20)) {
      static const uint8_t copy_fail[] = {'f', 0, 0, 0, 5, 0};
      (void)quern_submit(session, copy_fail, sizeof copy_fail);
    }
  }
  if (ready == before)
    abort();
}

static void open_engine(void)
{
  struct quern_error error;
  struct quern_options options = {.abi = QUERN_ABI, .memory_limit = 256 << 20, .statement_memory = 16 << 20};
  struct quern_session_options session_options = {.reply = on_reply};
  if (quern_open(&options, &engine, &error) || !(session = quern_session_open(engine, &session_options, &error)))
    abort();
  run("CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL DEFAULT 'x', c numeric(10,2) CHECK (c > 0), d timestamptz)");
  run("CREATE INDEX t_b ON t (b DESC, c)");
  run("INSERT INTO t SELECT g, 'b' || g % 3, g, now() FROM generate_series(1, 20) g");
  run("CREATE SOURCE s (k int PRIMARY KEY, v float8) WITH (connector = 'push')");
}

static void close_engine(void)
{
  quern_close(engine);
  engine = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 65536)
    return 0;
  if (!engine) {
    open_engine();
    atexit(close_engine);
  }
  char *text = malloc(size + 1);
  memcpy(text, data, size);
  text[size] = 0;
  run(text);
  run("ROLLBACK");
  free(text);
  return 0;
}
