// Connectors of one's own beside the loop: that cannot be opened, that end, that come late, that are opened and closed
// without pause. Every row of a source arrives once and in order, whatever the two threads do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "quern.h"

// --- Connectors ------------------------------------------------------------------------------------------------

static void put(struct quern_buffer *rows, const void *data, size_t size)
{
  if (rows->capacity - rows->size < size) {
    rows->capacity = 2 * (rows->capacity + size);
    rows->data = realloc(rows->data, rows->capacity);
    assert_non_null(rows->data);
  }
  memcpy(rows->data + rows->size, data, size);
  rows->size += size;
}

// Rows of one text column.
static void add_text(struct quern_batch *batch, const char *text)
{
  uint8_t head[6];
  put_be16(head, 1);
  put_be32(head + 2, (uint32_t)strlen(text));
  put(&batch->rows, head, 6);
  put(&batch->rows, text, strlen(text));
  batch->row_count++;
}

static void *broken_open(const struct quern_source_info *info, const uint8_t *position, size_t size,
                         struct quern_error *error)
{
  snprintf(error->message, sizeof error->message, "the well of %s is dry", info->name);
  return NULL;
}

static void *counter_open(const struct quern_source_info *info, const uint8_t *position, size_t size,
                          struct quern_error *error)
{
  int64_t *next = calloc(1, sizeof *next);
  for (size_t i = 0; i < size; i++)
    *next = *next * 10 + position[i] - '0';
  return next;
}

// Up to a hundred rows at a time, for ever; now and then none.
static int64_t counter_poll(void *source, struct quern_batch *batch, int max_rows)
{
  int64_t *next = source;
  char text[32];
  for (int i = 0; i < max_rows && i < *next % 101; i++) {
    snprintf(text, sizeof text, "%lld", (long long)*next + i);
    add_text(batch, text);
  }
  *next += batch->row_count ? batch->row_count : 0;
  if (batch->row_count == 0) {
    snprintf(text, sizeof text, "%lld", (long long)*next);
    add_text(batch, text);
    ++*next;
  }
  batch->position_size = (uint32_t)snprintf((char *)batch->position, sizeof batch->position, "%lld", (long long)*next);
  batch->lag = 5;
  return *next % 3 ? 0 : 200;
}

static int64_t words_poll(void *source, struct quern_batch *batch, int max_rows)
{
  int64_t *next = source;
  if (*next)
    return -1;
  add_text(batch, "7");
  add_text(batch, "seven");
  add_text(batch, "8");
  *next = 1;
  batch->position[0] = '1';
  batch->position_size = 1;
  return 0;
}

static int64_t malformed_poll(void *source, struct quern_batch *batch, int max_rows)
{
  put(&batch->rows, "\0\1\0\0\1\0x", 7); // 256 bytes are said, one is there
  batch->row_count = 1;
  return 0;
}

static void counter_close(void *source)
{
  free(source);
}

static const struct quern_connector broken = {.name = "broken",
                                              .open = broken_open,
                                              .poll = counter_poll,
                                              .close = counter_close};
static const struct quern_connector counter = {.name = "counter",
                                               .open = counter_open,
                                               .poll = counter_poll,
                                               .close = counter_close};
static const struct quern_connector words = {.name = "words",
                                             .open = counter_open,
                                             .poll = words_poll,
                                             .close = counter_close};
static const struct quern_connector malformed = {.name = "malformed",
                                                 .open = counter_open,
                                                 .poll = malformed_poll,
                                                 .close = counter_close};

// --- A client ----------------------------------------------------------------------------------------------------

struct client {
  struct quern *engine;
  struct quern_session *session;
  char text[2048]; // rows as a,b;c,d and errors as !SQLSTATE
  int ready;
};

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct client *client = context;
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message)) {
    size_t used = strlen(client->text);
    const uint8_t *field;
    int32_t length;
    for (int i = 0; message.type == 'D' && (length = quern_row_field(&message, i, &field)) > -2;
         i++, used = strlen(client->text))
      snprintf(client->text + used, sizeof client->text - used, "%s%.*s",
               i      ? ","
               : used ? ";"
                      : "",
               length < 0 ? 4 : length, length < 0 ? "NULL" : (const char *)field);
    if (message.type == 'E')
      snprintf(client->text + used, sizeof client->text - used, "!%s", quern_error_field(&message, 'C'));
    client->ready += message.type == 'Z';
  }
}

static void run_until(struct client *client, int ready)
{
  while (client->ready < ready) {
    int more = quern_run(client->engine, 1);
    if (more < 0)
      fail_msg("%s", quern_failure(client->engine)->message);
    if (!more && client->ready < ready)
      quern_wait(client->engine, 1000);
  }
}

static void open_client(struct client *client, const char *directory)
{
  struct quern_error error = {0};
  *client = (struct client){0};
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = directory, .without_sync = true};
  if (quern_open(&options, &client->engine, &error))
    fail_msg("%s", error.message);
  struct quern_session_options session = {.reply = on_reply, .context = client};
  client->session = quern_session_open(client->engine, &session, &error);
  assert_non_null(client->session);
  run_until(client, 1);
}

static void add(struct client *client, const struct quern_connector *connector)
{
  assert_int_equal(quern_connector_add(client->engine, connector), 0);
}

static const char *query(struct client *client, const char *text)
{
  struct quern_buffer request = {0};
  quern_add_query(&request, text);
  client->text[0] = 0;
  assert_int_equal(quern_submit(client->session, request.data, request.size), 0);
  run_until(client, client->ready + 1);
  quern_buffer_free(&request);
  return client->text;
}

// Asks until the answer is this one.
static void wait_for(struct client *client, const char *text, const char *answer)
{
  for (int i = 0; i < 20000; i++) {
    if (strcmp(query(client, text), answer) == 0)
      return;
    quern_wait(client->engine, 5);
  }
  fail_msg("%s: %s, not %s", text, client->text, answer);
}

// --- Tests -------------------------------------------------------------------------------------------------------

static void test_a_source_that_cannot_be_read(void **state)
{
  struct client client;
  open_client(&client, NULL);
  add(&client, &broken);
  add(&client, &malformed);
  assert_int_equal(quern_connector_add(client.engine, &broken), -1); // the name is taken
  query(&client, "CREATE SOURCE b (v text PRIMARY KEY) WITH (connector = 'broken')");
  query(&client, "CREATE SOURCE m (v text PRIMARY KEY) WITH (connector = 'malformed')");
  wait_for(&client, "SELECT name, state, rows, errors FROM quern.sources ORDER BY name", "b,failed,0,1;m,failed,0,1");
  assert_string_equal(query(&client, "SELECT source, reason, sqlstate FROM quern.source_errors ORDER BY source"),
                      "b,the well of b is dry,58030;m,the connector of source \"m\" gave a malformed batch,22P04");
  // It is tried again when it is altered; nothing else makes it try.
  query(&client, "CREATE TABLE t (a int)");
  query(&client, "ALTER SOURCE b SET (state = 'running')");
  wait_for(&client, "SELECT errors FROM quern.sources WHERE name = 'b'", "2");
  quern_close(client.engine);
}

static void test_bad_text_and_the_end(void **state)
{
  struct client client;
  open_client(&client, NULL);
  add(&client, &words);
  query(&client, "CREATE SOURCE w (v int PRIMARY KEY) WITH (connector = 'words')");
  wait_for(&client, "SELECT state, rows, errors, position FROM quern.sources", "running,3,1,1");
  assert_string_equal(query(&client, "SELECT v FROM w ORDER BY v"), "7;8");
  assert_string_equal(query(&client, "SELECT position, text, sqlstate FROM quern.source_errors"), "1,seven,22P02");
  quern_close(client.engine);
}

static void test_a_connector_that_comes_late(void **state)
{
  char directory[] = "/tmp/quern-test-XXXXXX";
  assert_non_null(mkdtemp(directory));
  struct client client;
  open_client(&client, directory);
  assert_string_equal(query(&client, "CREATE SOURCE c (v int PRIMARY KEY) WITH (connector = 'counter')"), "!42704");
  add(&client, &counter);
  query(&client, "CREATE SOURCE c (v int PRIMARY KEY) WITH (connector = 'counter')");
  wait_for(&client, "SELECT rows > 200, lag FROM quern.sources", "t,5");
  quern_close(client.engine);
  open_client(&client, directory);
  char before[64];
  snprintf(before, sizeof before, "%s", query(&client, "SELECT rows FROM quern.sources"));
  assert_string_equal(query(&client, "SELECT count(*) FROM generate_series(1, 100000)"), "100000");
  assert_string_equal(query(&client, "SELECT rows FROM quern.sources"), before);
  add(&client, &counter);
  char question[256];
  snprintf(question, sizeof question,
           "SELECT rows > %s, rows = (SELECT count(*) FROM c), position::int8 = rows FROM quern.sources", before);
  wait_for(&client, question, "t,t,t");
  quern_close(client.engine);
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", directory);
  assert_int_equal(system(command), 0);
}

static void test_opened_and_closed_without_pause(void **state)
{
  struct client client;
  char text[256];
  open_client(&client, NULL);
  add(&client, &counter);
  query(&client, "CREATE TABLE t (source int, v int, PRIMARY KEY (source, v))");
  for (int i = 0; i < 8; i++) {
    snprintf(text, sizeof text,
             "CREATE SOURCE s%d (v int) WITH (connector = 'counter'); "
             "CREATE WORKFLOW w%d AS INSERT INTO t SELECT %d, v FROM s%d",
             i, i, i, i);
    assert_string_equal(query(&client, text), "");
  }
  for (int round = 0; round < 200; round++) {
    int i = round * 5 % 8;
    switch (round % 3) {
    case 0: snprintf(text, sizeof text, "ALTER SOURCE s%d SET (n%d = 1)", i, round); break;
    case 1:
      snprintf(text, sizeof text, "ALTER SOURCE s%d SET (state = 'paused'); ALTER SOURCE s%d SET (state = 'running')",
               i, i);
      break;
    default:
      snprintf(text, sizeof text, "DROP WORKFLOW w%d; CREATE WORKFLOW w%d AS INSERT INTO t SELECT %d, v FROM s%d", i, i,
               i, i);
    }
    assert_string_equal(query(&client, text), "");
  }
  wait_for(&client, "SELECT count(*) FROM quern.sources WHERE rows > 300", "8");
  for (int i = 0; i < 8; i++) {
    snprintf(text, sizeof text, "ALTER SOURCE s%d SET (state = 'paused')", i);
    query(&client, text);
  }
  // The primary key would have refused what came twice; and nothing is missing.
  assert_string_equal(query(&client, "SELECT sum(errors) FROM quern.sources"), "0");
  assert_string_equal(
      query(&client, "SELECT count(*) FROM quern.sources s JOIN (SELECT source, count(*) AS n, max(v) AS top FROM t "
                     "GROUP BY source) g ON s.name = 's' || g.source WHERE s.rows = g.n AND g.top = g.n - 1"),
      "8");
  query(&client, "DROP SOURCE s0, s1, s2, s3, s4, s5, s6, s7 CASCADE");
  quern_close(client.engine);
}

static void test_closed_while_it_reads(void **state)
{
  for (int i = 0; i < 20; i++) {
    struct client client;
    open_client(&client, NULL);
    add(&client, &counter);
    query(&client, "CREATE SOURCE c (v int PRIMARY KEY) WITH (connector = 'counter')");
    if (i % 2)
      wait_for(&client, "SELECT rows > 0 FROM quern.sources", "t");
    quern_close(client.engine);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_source_that_cannot_be_read), cmocka_unit_test(test_bad_text_and_the_end),
      cmocka_unit_test(test_a_connector_that_comes_late),  cmocka_unit_test(test_opened_and_closed_without_pause),
      cmocka_unit_test(test_closed_while_it_reads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
