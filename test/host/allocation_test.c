// An allocation that fails, one after another, in an engine with all of its threads: opening, sessions, statements, long reads,
// sources from files, generators and /proc, a sink, checkpoints, a backup, the end. Whatever it was for, the engine goes on,
// or says why it does not; and at the next opening everything acknowledged is there, and each row of a stream once.
//
// Threads make the numbers differ from run to run: that one is refused is what counts, not which.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "connect/connectors.h"
#include "quern.h"
#include "../support/refuse.h"

enum { CSV_ROWS = 200, JSON_ROWS = 50, MADE_ROWS = 300, PATIENCE_S = 20 };

struct bench {
  char folder[64], data[80], backups[80];
  struct connectors connectors;
  struct quern *engine;
  struct quern_session *session;
  char text[256]; // the first column of the last row
  bool is_counted, is_ready, is_over, has_failed, is_open;
  int acknowledged; // rows of `noted`
};

static uint64_t refused;
static const char *at = "";

static void die(const char *what, const char *why)
{
  refuse_pause();
  fprintf(stderr, "allocation %llu refused: %s: %s: %s\n", (unsigned long long)refused, at, what, why);
  exit(1);
}

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct bench *bench = context;
  struct quern_message message;
  bench->is_over |= size == 0;
  while (quern_next_message(&messages, &size, &message)) {
    const uint8_t *field;
    int32_t length;
    if (message.type == 'D' && (length = quern_row_field(&message, 0, &field)) >= 0)
      snprintf(bench->text, sizeof bench->text, "%.*s", length, (const char *)field);
    bench->has_failed |= message.type == 'E';
    if (message.type == 'E')
      snprintf(bench->text, sizeof bench->text, "%s", quern_error_field(&message, 'M'));
    bench->is_ready |= message.type == 'Z';
    if (message.type == 'Z')
      bench->is_open = message.body[0] != 'I';
  }
}

// False: nothing more is to be had of the engine, or of the session.
static bool wait_for(struct bench *bench, const bool *what)
{
  time_t begin = time(NULL);
  while (!*what && !bench->is_over) {
    int more = quern_run(bench->engine, 16);
    if (more < 0)
      return false;
    if (!more && !*what && !bench->is_over)
      quern_wait(bench->engine, 100);
    if (time(NULL) - begin > PATIENCE_S)
      die("no answer", "it hangs");
  }
  return *what;
}

static bool greet(struct bench *bench)
{
  struct quern_session_options options = {.reply = on_reply, .context = bench};
  struct quern_error error;
  bench->is_ready = bench->is_over = false;
  bench->session = quern_session_open(bench->engine, &options, &error);
  return bench->session && wait_for(bench, &bench->is_ready);
}

// Is it done, as the engine says?
static bool ask(struct bench *bench, const char *text)
{
  struct quern_buffer request = {0};
  at = text;
  if (bench->is_over) {
    quern_session_close(bench->session);
    bench->session = NULL;
  }
  if (!bench->session && !greet(bench))
    return false;
  refuse_pause();
  quern_add_query(&request, text);
  if (bench->is_counted)
    refuse_go_on();
  bench->is_ready = bench->has_failed = false;
  bench->text[0] = 0;
  int status = quern_submit(bench->session, request.data, request.size);
  bool is_answered = !status && wait_for(bench, &bench->is_ready);
  quern_buffer_free(&request);
  bool is_done = is_answered && !bench->has_failed;
  if (is_answered && bench->is_open)
    ask(bench, "ROLLBACK");
  return is_done;
}

static int start(struct bench *bench)
{
  struct quern_error error;
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = bench->data, .without_sync = true, .workers = 1,
                                  .backup_directory = bench->backups, .checkpoint_bytes = 20000};
  at = "opening";
  int status = quern_open(&options, &bench->engine, &error);
  if (status && strcmp(error.sqlstate, "53200") != 0)
    die("quern_open", error.message);
  return status ? status : connectors_add(&bench->connectors, bench->engine);
}

static void stop(struct bench *bench)
{
  at = "closing";
  if (bench->session)
    quern_session_close(bench->session);
  quern_close(bench->engine);
  bench->session = NULL;
  bench->engine = NULL;
}

static void on_done(void *context, const struct quern_result *result)
{
  *(bool *)context = true;
}

static void execute(struct bench *bench, struct quern_session *session, const char *text)
{
  bool is_done = false;
  struct quern_receiver receiver = {.done = on_done, .context = &is_done};
  struct quern_value value = {.kind = QUERN_INTEGER, .integer = 3};
  at = text;
  struct quern_statement *statement = quern_statement_prepare(session, text);
  if (!statement)
    return;
  bench->is_over = false;
  if (quern_statement_execute(statement, &value, 1, &receiver) == 0)
    wait_for(bench, &is_done);
  quern_statement_close(statement);
}

static void typed(struct bench *bench)
{
  static const char *const texts[] = {"SELECT * FROM noted WHERE k = $1", "SELECT count(*) FROM noted WHERE k > $1",
                                      "UPDATE noted SET v = v || 'x' WHERE k = $1"};
  struct quern_error error;
  struct quern_session_options options = {0};
  struct quern_session *session = quern_session_open(bench->engine, &options, &error);
  for (size_t i = 0; session && i < sizeof texts / sizeof *texts; i++)
    execute(bench, session, texts[i]);
  if (session)
    quern_session_close(session);
}

static void go(struct bench *bench)
{
  static const char *const texts[] = {
    "CREATE TABLE noted (k int PRIMARY KEY, v text); CREATE TABLE counts (s text PRIMARY KEY, n int8)",
    "CREATE SOURCE csv (k int, v text) WITH (connector = 'file', path = 'in.csv', header = 'true'); "
    "CREATE WORKFLOW wc AS INSERT INTO counts SELECT 'csv', 1 FROM csv ON CONFLICT (s) DO UPDATE SET n = counts.n + 1",
    "CREATE SOURCE json (k int, v text) WITH (connector = 'file', path = 'in.json', format = 'json', follow = 'true'); "
    "CREATE WORKFLOW wj AS INSERT INTO counts SELECT 'json', 1 FROM json ON CONFLICT (s) DO UPDATE SET n = counts.n + 1",
    "CREATE SOURCE made (k int8, v text) WITH (connector = 'generator', rows = 300, v.kind = 'choice', v.values = 'a,b'); "
    "CREATE SINK lines WITH (connector = 'file', path = 'out.csv') AS SELECT k + 1, v FROM made; "
    "CREATE WORKFLOW wm AS INSERT INTO counts SELECT 'made', 1 FROM made ON CONFLICT (s) DO UPDATE SET n = counts.n + 1",
    "CREATE SOURCE machine (name text, value double precision) WITH (connector = 'proc', interval = '0.05')",
  };
  if (start(bench))
    return;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    ask(bench, texts[i]);
  for (int i = 0; i < 10; i++) {
    char text[128];
    snprintf(text, sizeof text, "INSERT INTO noted VALUES (%d, repeat('row', 2000))", i);
    bench->acknowledged += ask(bench, text);
  }
  ask(bench, "SELECT sum(a.g * b.g) FROM generate_series(1, 300) a(g), generate_series(1, 300) b(g)"); // on a worker
  ask(bench, "SELECT quern_backup('one')");
  ask(bench, "SELECT name, rows FROM quern.sources; SELECT * FROM quern.sinks; SELECT value FROM quern.metrics");
  typed(bench);
  stop(bench);
}

static int read_count(struct bench *bench, const char *text)
{
  if (!ask(bench, text)) {
    const struct quern_error *failure = quern_failure(bench->engine);
    die("after the next start it does not answer", failure ? failure->message : bench->text);
  }
  return atoi(bench->text);
}

static int lines_of(const struct bench *bench)
{
  char path[128], line[64];
  int count = 0;
  snprintf(path, sizeof path, "%s/out.csv", bench->folder);
  FILE *file = fopen(path, "r");
  for (; file && fgets(line, sizeof line, file); count++)
    if (atoi(line) != count + 1)
      die("the sink", "a line is missing, or there twice");
  if (file)
    fclose(file);
  return count;
}

// Each source that is there gives all of its rows once, the sink has them.
static void look_at(struct bench *bench, const char *source, int rows, bool has_sink)
{
  char text[128];
  snprintf(text, sizeof text, "SELECT count(*) FROM quern.sources WHERE name = '%s'", source);
  if (!read_count(bench, text))
    return;
  time_t begin = time(NULL);
  snprintf(text, sizeof text, "SELECT n FROM counts WHERE s = '%s'", source);
  while (read_count(bench, text) < rows || (has_sink && lines_of(bench) < rows)) {
    quern_wait(bench->engine, 20);
    if (time(NULL) - begin > PATIENCE_S) {
      ask(bench, "SELECT string_agg(concat_ws(' ', name, state, rows, errors), ', ') || (SELECT concat_ws(' ', state, error) FROM quern.sinks) FROM quern.sources");
      die("its rows do not come", bench->text);
    }
  }
  if (read_count(bench, text) != rows || (has_sink && lines_of(bench) != rows))
    die(source, "a row counts twice");
}

static void look(struct bench *bench)
{
  if (start(bench))
    die("the next start", "it is refused");
  if (read_count(bench, "SELECT count(*) FROM pg_class WHERE relname = 'noted'") &&
      read_count(bench, "SELECT count(*) FROM noted") < bench->acknowledged)
    die("noted", "what was acknowledged is lost");
  look_at(bench, "csv", CSV_ROWS, false);
  look_at(bench, "json", JSON_ROWS, false);
  look_at(bench, "made", MADE_ROWS, true);
  stop(bench);
}

static void write_inputs(const struct bench *bench)
{
  char path[128];
  snprintf(path, sizeof path, "%s/in.csv", bench->folder);
  FILE *file = fopen(path, "w");
  fprintf(file, "k,v\n");
  for (int i = 0; i < CSV_ROWS; i++)
    fprintf(file, "%d,\"row, %d\"\n", i, i);
  fclose(file);
  snprintf(path, sizeof path, "%s/in.json", bench->folder);
  file = fopen(path, "w");
  for (int i = 0; i < JSON_ROWS; i++)
    fprintf(file, "{\"k\": %d, \"v\": \"row\"}\n", i);
  fclose(file);
}

static uint64_t run(uint64_t which)
{
  struct bench bench = {.folder = "/tmp/quern-allocation-XXXXXX"};
  struct quern_error error;
  char command[128];
  refused = which;
  if (!mkdtemp(bench.folder) || folders_add(&bench.connectors.folders, bench.folder, &error))
    die("a folder", "could not be made");
  snprintf(bench.data, sizeof bench.data, "%s/data", bench.folder);
  snprintf(bench.backups, sizeof bench.backups, "%s/backups", bench.folder);
  write_inputs(&bench);
  bench.is_counted = true;
  refuse_begin(which);
  go(&bench);
  bench.is_counted = false;
  uint64_t allocations = refuse_end();
  if (!which && bench.acknowledged != 10)
    die("nothing", "and yet it failed");
  look(&bench);
  folders_close(&bench.connectors.folders);
  snprintf(command, sizeof command, "rm -rf '%s'", bench.folder);
  if (system(command))
    die("a folder", "could not be removed");
  return allocations;
}

int main(int count, char **arguments)
{
  return refuse_main(count, arguments, run, 20);
}
