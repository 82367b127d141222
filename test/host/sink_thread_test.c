// A sink's connector of one's own beside the loop: that refuses now and then, fails, comes late, is opened and closed without
// pause. Every row is there once and in order, whatever the two threads do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "connect/connectors.h"
#include "quern.h"

enum { ROWS = 40000 };

// --- The connector ----------------------------------------------------------------------------------------------

// What is durable at the other end: rows 0 … count - 1, of which each must be the one after the last.
struct keeper {
  int64_t count;      // with what was delivered and not synced
  int64_t synced;
  int calls, opened, wrong;
  int fails_every, refuses_at; // by the number of the call; 0: never
};

static int say(struct quern_error *error, int status, const char *text)
{
  *error = (struct quern_error){.status = status};
  snprintf(error->message, sizeof error->message, "%s", text);
  return status;
}

static void *keeper_open(const struct quern_source_info *info, struct quern_position *position, struct quern_error *error)
{
  struct keeper *keeper = info->context;
  int64_t at = 0;
  for (uint32_t i = 0; i < position->size; i++)
    at = at * 10 + position->data[i] - '0';
  keeper->wrong += at > keeper->count || strcmp(info->kind, "sink") != 0;
  keeper->count = at;
  __atomic_store_n(&keeper->synced, at, __ATOMIC_RELAXED);
  position->size = (uint32_t)snprintf((char *)position->data, sizeof position->data, "%lld", (long long)at);
  __atomic_add_fetch(&keeper->opened, 1, __ATOMIC_RELAXED);
  return keeper;
}

static int keeper_deliver(void *sink, const struct quern_delivery *delivery, struct quern_error *error)
{
  struct keeper *keeper = sink;
  int call = ++keeper->calls;
  if (call == keeper->refuses_at)
    return say(error, -2, "not now");
  const uint8_t *at = delivery->rows;
  for (int i = 0; i < delivery->row_count; i++) {
    char text[32] = {0};
    uint32_t size = get_be32(at + 2);
    memcpy(text, at + 6, size < 31 ? size : 31);
    keeper->wrong += get_be16(at) != 1 || strtoll(text, NULL, 10) != keeper->count;
    keeper->count++;
    at += 6 + size;
  }
  keeper->wrong += at != delivery->rows + delivery->size;
  if (keeper->fails_every && call % keeper->fails_every == 0)
    return say(error, -1, "broken in the middle");
  return 0;
}

static int keeper_sync(void *sink, struct quern_position *position, struct quern_error *error)
{
  struct keeper *keeper = sink;
  __atomic_store_n(&keeper->synced, keeper->count, __ATOMIC_RELAXED);
  position->size = (uint32_t)snprintf((char *)position->data, sizeof position->data, "%lld", (long long)keeper->count);
  return 0;
}

static void keeper_close(void *sink)
{
}

static struct quern_sink_connector connector_of(struct keeper *keeper)
{
  return (struct quern_sink_connector){.name = "keeper",
                                       .context = keeper,
                                       .open = keeper_open,
                                       .deliver = keeper_deliver,
                                       .sync = keeper_sync,
                                       .close = keeper_close};
}

// --- An engine --------------------------------------------------------------------------------------------------

struct client {
  struct quern *engine;
  struct quern_session *session;
  char text[256]; // of the last row's first column
  bool is_done;
};

static void on_row(void *context, const struct quern_value *values, int count)
{
  struct client *client = context;
  if (values[0].kind == QUERN_TEXT)
    snprintf(client->text, sizeof client->text, "%.*s", (int)values[0].size, values[0].text);
  else
    snprintf(client->text, sizeof client->text, "%lld", (long long)values[0].integer);
}

static void on_done(void *context, const struct quern_result *result)
{
  struct client *client = context;
  if (result->error)
    fail_msg("%s", result->error->message);
  client->is_done = true;
}

static const char *ask(struct client *client, const char *text)
{
  struct quern_receiver receiver = {.row = on_row, .done = on_done, .context = client};
  struct quern_statement *statement = quern_statement_prepare(client->session, text);
  assert_non_null(statement);
  client->text[0] = 0;
  client->is_done = false;
  int status = quern_statement_execute(statement, NULL, 0, &receiver);
  assert_true(status >= 0);
  while (!client->is_done) {
    int more = quern_run(client->engine, 100);
    assert_true(more >= 0);
    if (!more && !client->is_done)
      quern_wait(client->engine, 1000);
  }
  quern_statement_close(statement);
  return client->text;
}

static void client_open(struct client *client)
{
  struct quern_options options = {.abi = QUERN_ABI};
  struct quern_session_options session = {0};
  struct quern_error error;
  *client = (struct client){0};
  assert_int_equal(quern_open(&options, &client->engine, &error), 0);
  client->session = quern_session_open(client->engine, &session, &error);
  assert_non_null(client->session);
  assert_int_equal(quern_connector_add(client->engine, &connector_generator), 0);
}

static void make_stream(struct client *client)
{
  ask(client, "CREATE SOURCE g (id int) WITH (connector = 'generator', rows = 40000, id.kind = 'sequence')");
  ask(client, "CREATE SINK k WITH (connector = 'keeper', outbox_rows = 5000) AS SELECT id FROM g");
}

static void test_opened_and_closed_without_pause(void **state)
{
  struct keeper keeper = {.fails_every = 5, .refuses_at = 3};
  struct quern_sink_connector connector = connector_of(&keeper);
  struct client client;
  client_open(&client);
  assert_int_equal(quern_sink_connector_add(client.engine, &connector), 0);
  assert_int_equal(quern_sink_connector_add(client.engine, &connector), -1);
  make_stream(&client);
  for (int i = 0; __atomic_load_n(&keeper.synced, __ATOMIC_RELAXED) < ROWS; i++) {
    if (strcmp(ask(&client, "SELECT state FROM quern.sinks"), "failed") == 0)
      ask(&client, "ALTER SINK k SET (state = 'running')");
    else if (i % 50 == 0)
      ask(&client, i % 100 ? "ALTER SINK k SET (state = 'running')" : "ALTER SINK k SET (state = 'paused')");
  }
  while (strcmp(ask(&client, "SELECT rows FROM quern.sinks"), "40000") != 0)
    if (strcmp(ask(&client, "SELECT state FROM quern.sinks"), "running") != 0)
      ask(&client, "ALTER SINK k SET (state = 'running')");
  assert_string_equal(ask(&client, "SELECT count(*) FROM k"), "0");
  assert_true(atoi(ask(&client, "SELECT count(*) FROM quern.source_errors WHERE reason = 'broken in the middle'")) > 0);
  quern_close(client.engine);
  assert_int_equal(keeper.wrong, 0);
  assert_int_equal(keeper.count, ROWS);
}

// One that is dropped while it delivers gets no more.
static void test_dropped_while_it_delivers(void **state)
{
  struct keeper keeper = {0};
  struct quern_sink_connector connector = connector_of(&keeper);
  struct client client;
  client_open(&client);
  assert_int_equal(quern_sink_connector_add(client.engine, &connector), 0);
  make_stream(&client);
  for (int i = 0; i < 20; i++) {
    int opened = __atomic_load_n(&keeper.opened, __ATOMIC_RELAXED);
    ask(&client, "DROP SINK k");
    ask(&client, "CREATE SINK k WITH (connector = 'keeper') AS SELECT id FROM g WHERE id < 0");
    while (i % 2 && __atomic_load_n(&keeper.opened, __ATOMIC_RELAXED) == opened)
      ask(&client, "SELECT 1");
  }
  quern_close(client.engine);
  assert_int_equal(keeper.wrong, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_opened_and_closed_without_pause),
      cmocka_unit_test(test_dropped_while_it_delivers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
