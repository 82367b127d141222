// Quern inside a program: an engine in memory, a table, a prepared statement, a row back.
// Build: cc embedded.c -lquern
#include <stdio.h>
#include <string.h>

#include <quern.h>

struct progress {
  bool is_ready, has_failed;
};

// Replies are messages of PostgreSQL's protocol: print rows and errors, and note when the engine is ready again.
static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct progress *progress = context;
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message)) {
    const uint8_t *field;
    int32_t length;
    if (message.type == 'E') {
      fprintf(stderr, "error: %s\n", quern_error_field(&message, 'M'));
      progress->has_failed = true;
    }
    for (int i = 0; message.type == 'D' && (length = quern_row_field(&message, i, &field)) > -2; i++)
      printf("%.*s%s", length < 0 ? 4 : (int)length, length < 0 ? "NULL" : (const char *)field, i ? "\n" : " ");
    progress->is_ready |= message.type == 'Z';
  }
}

// Submits what the buffer holds and runs the engine until it has answered.
static int run(struct quern *engine, struct quern_session *session, struct quern_buffer *request, struct progress *progress)
{
  progress->is_ready = false;
  int status = quern_submit(session, request->data, request->size);
  request->size = 0;
  while (status >= 0 && !progress->is_ready)
    if ((status = quern_run(engine, 1)) == 0 && !progress->is_ready)
      quern_wait(engine, -1);
  return progress->has_failed ? -1 : status;
}

int main(void)
{
  struct quern *engine;
  struct quern_error error;
  if (quern_open(&(struct quern_options){.abi = QUERN_ABI}, &engine, &error))
    return fprintf(stderr, "%s\n", error.message), 1;
  struct progress progress = {0};
  struct quern_session *session =
    quern_session_open(engine, &(struct quern_session_options){.reply = on_reply, .context = &progress}, &error);
  struct quern_buffer request = {0};
  quern_add_query(&request, "CREATE TABLE mill (stone int PRIMARY KEY, name text); INSERT INTO mill VALUES (1, 'runner'), (2, 'bed')");
  int status = run(engine, session, &request, &progress);
  quern_add_parse(&request, "by_stone", "SELECT stone, name FROM mill WHERE stone = $1", NULL, 0);
  quern_add_bind(&request, "by_stone", &(struct quern_parameter){.data = "2", .size = 1}, 1, false);
  quern_add_execute(&request);
  quern_add_sync(&request);
  status = status < 0 ? status : run(engine, session, &request, &progress);
  quern_buffer_free(&request);
  quern_session_close(session);
  quern_close(engine);
  return status < 0;
}
