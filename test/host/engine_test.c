// The library from outside, in one process: two engines, replies in order, what is refused, a connector of one's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "quern.h"

struct client {
  struct quern *engine;
  struct quern_session *session;
  char text[4096]; // rows as a,b; errors as !SQLSTATE
  int ready;
  bool is_over;
};

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct client *client = context;
  struct quern_message message;
  client->is_over |= size == 0;
  while (quern_next_message(&messages, &size, &message)) {
    size_t used = strlen(client->text);
    const uint8_t *field;
    int32_t length;
    for (int i = 0; message.type == 'D' && (length = quern_row_field(&message, i, &field)) > -2; i++, used = strlen(client->text))
      snprintf(client->text + used, sizeof client->text - used, "%s%.*s", i ? "," : used ? ";" : "", length < 0 ? 4 : length,
               length < 0 ? "NULL" : (const char *)field);
    if (message.type == 'E')
      snprintf(client->text + used, sizeof client->text - used, "!%s", quern_error_field(&message, 'C'));
    client->ready += message.type == 'Z';
  }
}

static void open_client(struct client *client, struct quern *engine)
{
  struct quern_error error;
  *client = (struct client){.engine = engine};
  struct quern_session_options options = {.reply = on_reply, .context = client};
  client->session = quern_session_open(engine, &options, &error);
  assert_non_null(client->session);
}

static struct quern *open_engine(const char *directory)
{
  struct quern *engine = NULL;
  struct quern_error error = {0};
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = directory};
  if (quern_open(&options, &engine, &error))
    fail_msg("%s", error.message);
  return engine;
}

static void run_until_ready(struct client *client, int ready)
{
  while (client->ready < ready) {
    int more = quern_run(client->engine, 1);
    assert_true(more >= 0);
    if (!more && client->ready < ready)
      quern_wait(client->engine, 1000);
  }
}

static const char *query(struct client *client, const char *text)
{
  struct quern_buffer request = {0};
  quern_add_query(&request, text);
  client->text[0] = 0;
  run_until_ready(client, 1 > client->ready ? 1 : client->ready);
  int until = client->ready + 1;
  client->text[0] = 0;
  assert_int_equal(quern_submit(client->session, request.data, request.size), 0);
  run_until_ready(client, until);
  quern_buffer_free(&request);
  return client->text;
}

static void test_two_engines(void **state)
{
  struct quern *first = open_engine(NULL), *second = open_engine(NULL);
  struct client a, b;
  open_client(&a, first);
  open_client(&b, second);
  assert_string_equal(query(&a, "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1), (2); SELECT * FROM t"), "1;2");
  assert_string_equal(query(&b, "SELECT * FROM t"), "!42P01");
  assert_string_equal(query(&b, "CREATE TABLE t (k text); INSERT INTO t VALUES ('x'); SELECT * FROM t"), "x");
  assert_string_equal(query(&a, "SELECT k, NULL FROM t WHERE k = 2"), "2,NULL");
  quern_close(first);
  assert_string_equal(query(&b, "SELECT * FROM t"), "x");
  quern_close(second);
}

static void test_what_is_refused(void **state)
{
  struct quern *engine = NULL;
  struct quern_error error = {0};
  struct quern_options options = {.abi = QUERN_ABI + 1};
  assert_int_equal(quern_open(&options, &engine, &error), -1);
  assert_string_equal(error.sqlstate, "22023");
  options = (struct quern_options){.abi = QUERN_ABI, .data_directory = "/nowhere/at/all"};
  assert_true(quern_open(&options, &engine, &error) < 0);
  assert_non_null(strstr(error.message, "/nowhere/at/all"));
  engine = open_engine(NULL);
  struct client client;
  open_client(&client, engine);
  assert_int_equal(quern_submit(client.session, (const uint8_t *)"Q\0\0\0", 4), -1);
  assert_int_equal(quern_submit(client.session, (const uint8_t *)"Q\0\0\0\6S\0X", 8), -1);
  assert_string_equal(query(&client, "SELECT 1"), "1");
  static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
  assert_int_equal(quern_submit(client.session, terminate, sizeof terminate), 0);
  while (!client.is_over)
    assert_true(quern_run(engine, 1) >= 0);
  quern_session_close(client.session);
  quern_close(engine);
}

static void test_a_directory_has_one_owner_and_keeps_its_rows(void **state)
{
  char directory[] = "/tmp/quern-engine-XXXXXX", command[64];
  assert_non_null(mkdtemp(directory));
  struct quern *engine = open_engine(directory), *second = NULL;
  struct quern_error error = {0};
  struct quern_options options = {.abi = QUERN_ABI, .data_directory = directory};
  assert_true(quern_open(&options, &second, &error) < 0);
  assert_string_equal(error.sqlstate, "55006");
  struct client client;
  open_client(&client, engine);
  assert_string_equal(query(&client, "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (7); SELECT k FROM t"), "7");
  quern_close(engine);
  engine = open_engine(directory);
  open_client(&client, engine);
  assert_string_equal(query(&client, "SELECT k FROM t"), "7");
  quern_close(engine);
  snprintf(command, sizeof command, "rm -r %s", directory);
  assert_int_equal(system(command), 0);
}

// A connector of ten rows: 0 … 9, one a poll. Position: the number of the next, as a digit.
static void *ten_open(const struct quern_source_info *info, const uint8_t *position, size_t size, struct quern_error *error)
{
  int *next = malloc(sizeof *next);
  *next = size ? position[0] - '0' : 0;
  return next;
}

static int64_t ten_poll(void *source, struct quern_batch *batch, int max_rows)
{
  int *next = source;
  if (*next == 10)
    return -1;
  char row[] = {0, 1, 0, 0, 0, 1, (char)('0' + *next)};
  batch->rows.data = realloc(batch->rows.data, sizeof row);
  batch->rows.capacity = batch->rows.size = sizeof row;
  memcpy(batch->rows.data, row, sizeof row);
  batch->row_count = 1;
  batch->is_binary = false;
  batch->position[0] = (uint8_t)('0' + ++*next);
  batch->position_size = 1;
  return 0;
}

static const struct quern_connector ten = {.name = "ten", .open = ten_open, .poll = ten_poll, .close = free};

static void test_a_connector_of_ones_own(void **state)
{
  struct quern *engine = open_engine(NULL);
  assert_int_equal(quern_connector_add(engine, &ten), 0);
  assert_int_equal(quern_connector_add(engine, &ten), -1);
  struct client client;
  open_client(&client, engine);
  assert_string_equal(query(&client, "CREATE SOURCE s (v int) WITH (connector = 'nine')"), "!42704");
  assert_string_equal(query(&client, "CREATE SOURCE s (v int) WITH (connector = 'ten'); CREATE TABLE seen (v int PRIMARY KEY);"
                                     "CREATE WORKFLOW w AS INSERT INTO seen SELECT v FROM s WHERE 10 / v > 0"), "");
  while (strcmp(query(&client, "SELECT rows FROM quern.sources"), "10") != 0)
    quern_wait(engine, 100);
  assert_string_equal(query(&client, "SELECT count(*), sum(v) FROM seen"), "9,45");
  assert_string_equal(query(&client, "SELECT source, sqlstate, text FROM quern.source_errors"), "s,22012,0");
  quern_close(engine);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_two_engines),
    cmocka_unit_test(test_what_is_refused),
    cmocka_unit_test(test_a_directory_has_one_owner_and_keeps_its_rows),
    cmocka_unit_test(test_a_connector_of_ones_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
