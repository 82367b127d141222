// Quern inside a program: an engine in memory, a table, a prepared statement, a row back.
// Build: cc embedded.c -lquern
#include <stdio.h>

#include <quern.h>

struct progress {
  bool is_done, has_failed;
};

static void on_row(void *context, const struct quern_value *values, int count)
{
  for (int i = 0; i < count; i++)
    switch (values[i].kind) {
    case QUERN_INTEGER: printf("%lld ", (long long)values[i].integer); break;
    case QUERN_TEXT: printf("%.*s ", (int)values[i].size, values[i].text); break;
    default: printf("- "); break;
    }
  printf("\n");
}

static void on_done(void *context, const struct quern_result *result)
{
  struct progress *progress = context;
  progress->is_done = true;
  if (result->error) {
    fprintf(stderr, "error: %s\n", result->error->message);
    progress->has_failed = true;
  }
}

// Executes the statement, and runs the engine until it is done. A program with a loop of its own would go on with that.
static bool execute(struct quern *engine, struct quern_statement *statement, const struct quern_value *values, int count)
{
  struct progress progress = {0};
  struct quern_receiver receiver = {.row = on_row, .done = on_done, .context = &progress};
  int status = statement ? quern_statement_execute(statement, values, count, &receiver) : -1;
  while (status >= 0 && !progress.is_done)
    if ((status = quern_run(engine, 1)) == 0 && !progress.is_done)
      quern_wait(engine, -1);
  return status >= 0 && !progress.has_failed;
}

int main(void)
{
  struct quern *engine;
  struct quern_error error;
  if (quern_open(&(struct quern_options){.abi = QUERN_ABI}, &engine, &error))
    return fprintf(stderr, "%s\n", error.message), 1;
  struct quern_session *session = quern_session_open(engine, &(struct quern_session_options){0}, &error);
  bool is_good =
    session &&
    execute(engine, quern_statement_prepare(session, "CREATE TABLE mill (stone int PRIMARY KEY, name text)"), NULL, 0) &&
    execute(engine, quern_statement_prepare(session, "INSERT INTO mill VALUES (1, 'runner'), (2, 'bed')"), NULL, 0);
  struct quern_value stone = {.kind = QUERN_INTEGER, .integer = 2};
  is_good = is_good &&
            execute(engine, quern_statement_prepare(session, "SELECT stone, name FROM mill WHERE stone = $1"), &stone, 1);
  quern_close(engine);
  return !is_good;
}
