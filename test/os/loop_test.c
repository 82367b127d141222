// What a loop is made of: threads, wakes, polls, sockets, signals, clocks.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/poll.h"
#include "os/random.h"
#include "os/signal.h"
#include "os/socket.h"
#include "os/thread.h"
#include "os/wake.h"

static void test_clocks(void **state)
{
  (void)state;
  int64_t before = clock_monotonic();
  assert_true(clock_monotonic() >= before);
  // After this was written, and before 2100.
  assert_true(clock_wall() > 800ll * 1000000 * 1000000);
  assert_true(clock_wall() < 3155760000ll * 1000000);
}

static void test_random(void **state)
{
  (void)state;
  uint8_t a[300] = {0}, b[300] = {0};
  struct error error;
  assert_int_equal(random_fill(a, sizeof a, &error), 0);
  assert_int_equal(random_fill(b, sizeof b, &error), 0);
  assert_memory_not_equal(a, b, sizeof a);
}

struct shared {
  struct mutex mutex;
  struct condition condition;
  struct wake wake;
  int turn, turns;
};

static void take_turns(void *context)
{
  struct shared *shared = context;
  mutex_lock(&shared->mutex);
  for (int i = 0; i < 1000; i++) {
    while (shared->turn == 0)
      condition_wait(&shared->condition, &shared->mutex);
    shared->turn = 0;
    shared->turns++;
    condition_broadcast(&shared->condition);
  }
  mutex_unlock(&shared->mutex);
  wake_signal(&shared->wake);
}

static void tell_priority(void *context)
{
  *(int *)context = getpriority(PRIO_PROCESS, 0);
}

static void test_background_threads_give_way(void **state)
{
  (void)state;
  int before = getpriority(PRIO_PROCESS, 0), other = -100, background = -100;
  struct error error;
  struct thread thread;
  struct thread_options options = {.is_background = true};
  assert_int_equal(thread_open(&thread, &options, tell_priority, &background, &error), 0);
  thread_close(&thread);
  options.is_background = false;
  assert_int_equal(thread_open(&thread, &options, tell_priority, &other, &error), 0);
  thread_close(&thread);
  assert_int_equal(other, before);
  assert_true(background > before || before > 14);
  assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

static void test_threads(void **state)
{
  (void)state;
  struct shared shared = {0};
  struct error error;
  struct thread thread;
  struct poll poll;
  struct poll_event event;
  mutex_init(&shared.mutex);
  condition_init(&shared.condition);
  assert_int_equal(wake_open(&shared.wake, &error), 0);
  assert_int_equal(poll_open(&poll, &error), 0);
  assert_int_equal(poll_add(&poll, shared.wake.descriptor, POLL_READ, &shared, &error), 0);
  assert_int_equal(poll_wait(&poll, &event, 1, 0), 0);
  struct thread_options options = {.name = "a name that is far too long", .stack_size = 1 << 18};
  assert_int_equal(thread_open(&thread, &options, take_turns, &shared, &error), 0);
  mutex_lock(&shared.mutex);
  for (int i = 0; i < 1000; i++) {
    shared.turn = 1;
    condition_signal(&shared.condition);
    while (shared.turn == 1)
      condition_wait(&shared.condition, &shared.mutex);
  }
  assert_false(condition_wait_until(&shared.condition, &shared.mutex, clock_monotonic() - 1));
  mutex_unlock(&shared.mutex);
  assert_int_equal(poll_wait(&poll, &event, 1, -1), 1);
  assert_ptr_equal(event.context, &shared);
  assert_int_equal(event.ready, POLL_READ);
  wake_clear(&shared.wake);
  assert_int_equal(poll_wait(&poll, &event, 1, 0), 0);
  wake_clear(&shared.wake); // does not block
  thread_close(&thread);
  thread_close(&thread);
  assert_int_equal(shared.turns, 1000);
  poll_remove(&poll, shared.wake.descriptor);
  wake_close(&shared.wake);
  poll_close(&poll);
  poll_close(&poll);
  condition_deinit(&shared.condition);
  mutex_deinit(&shared.mutex);
}

static void test_addresses(void **state)
{
  (void)state;
  static const struct {
    const char *text, *host;
    int port; // -1: refused
  } cases[] = {
      {"127.0.0.1:5433", "127.0.0.1", 5433}, {"[::1]:0", "::1", 0},       {":80", "", 80},
      {"localhost:65535", "localhost", 65535}, {"localhost:65536", "", -1}, {"localhost", "", -1},
      {"a:", "", -1},                        {"::1:5", "", -1},           {"[]:5", "", -1},
      {"[::1:5", "", -1},                    {"a:5x", "", -1},            {"a:-5", "", -1},
      {"", "", -1},                          {"a: 5", "", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char host[256];
    uint16_t port;
    struct error error;
    int status = socket_parse(cases[i].text, host, &port, &error);
    if (cases[i].port < 0) {
      assert_int_equal(status, STATUS_INPUT);
      assert_string_equal(error.sqlstate, "22023");
      continue;
    }
    assert_int_equal(status, 0);
    assert_string_equal(host, cases[i].host);
    assert_int_equal(port, cases[i].port);
  }
  static const struct {
    const char *host, *text;
    bool is_loopback;
  } names[] = {{"127.0.0.1", "127.0.0.1:7", true}, {"127.8.9.1", "127.8.9.1:7", true}, {"0.0.0.0", "0.0.0.0:7", false},
               {"10.0.0.1", "10.0.0.1:7", false},  {"::1", "[::1]:7", true},           {"::", "[::]:7", false},
               {"localhost", NULL, true},          {"::ffff:127.0.0.1", NULL, true},   {"*", NULL, false}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct socket_address address;
    struct error error;
    char text[SOCKET_TEXT];
    assert_int_equal(socket_resolve(names[i].host, 7, &address, &error), 0);
    assert_int_equal(socket_is_loopback(&address), names[i].is_loopback);
    socket_text(&address, text);
    if (names[i].text)
      assert_string_equal(text, names[i].text);
    assert_int_equal(socket_port(&address), 7);
  }
  struct socket_address address;
  struct error error;
  assert_int_equal(socket_resolve("no such host.invalid", 7, &address, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "08006");
}

static void test_sockets(void **state)
{
  (void)state;
  struct socket_address address, peer;
  struct error error;
  int listener, second, client, server;
  assert_int_equal(socket_resolve("127.0.0.1", 0, &address, &error), 0);
  assert_int_equal(socket_listen(&address, &listener, &error), 0);
  assert_int_equal(socket_bound(listener, &address, &error), 0);
  assert_int_not_equal(socket_port(&address), 0);
  assert_int_equal(socket_listen(&address, &second, &error), STATUS_INPUT);
  assert_int_equal(second, -1);
  assert_non_null(strstr(error.message, "Address already in use"));
  assert_int_equal(socket_accept(listener, &server, &peer, &error), 0);
  struct poll poll;
  struct poll_event event;
  assert_int_equal(poll_open(&poll, &error), 0);
  assert_int_equal(poll_add(&poll, listener, POLL_READ, &listener, &error), 0);
  assert_int_equal(socket_connect(&address, &client, &error), 0);
  assert_int_equal(poll_wait(&poll, &event, 1, -1), 1);
  assert_int_equal(socket_accept(listener, &server, &peer, &error), 1);
  assert_int_equal(socket_connected(client, &error), 0);
  assert_true(socket_is_loopback(&peer));
  poll_remove(&poll, listener);
  char bytes[8];
  assert_int_equal(socket_read(server, bytes, sizeof bytes), SOCKET_AGAIN);
  assert_int_equal(socket_write(client, "hello", 5), 5);
  assert_int_equal(poll_add(&poll, server, POLL_READ, &server, &error), 0);
  assert_int_equal(poll_wait(&poll, &event, 1, -1), 1);
  assert_int_equal(socket_read(server, bytes, sizeof bytes), 5);
  socket_shutdown_write(client);
  assert_int_equal(poll_wait(&poll, &event, 1, -1), 1);
  assert_int_equal(socket_read(server, bytes, sizeof bytes), SOCKET_END);
  // A peer that is gone: an error, not a signal.
  socket_close(client);
  assert_int_equal(poll_change(&poll, server, POLL_WRITE, &server, &error), 0);
  ptrdiff_t sent;
  while ((sent = socket_write(server, "x", 1)) > 0)
    ;
  assert_int_equal(sent, SOCKET_BROKEN);
  poll_remove(&poll, server);
  socket_close(server);
  socket_close(listener);
  socket_close(-1);
  // Nobody listens there now.
  int status = socket_connect(&address, &client, &error);
  if (!status) {
    assert_int_equal(poll_add(&poll, client, POLL_WRITE, &client, &error), 0);
    assert_int_equal(poll_wait(&poll, &event, 1, -1), 1);
    assert_true(event.ready & POLL_BROKEN);
    status = socket_connected(client, &error);
    socket_close(client);
  }
  assert_int_equal(status, STATUS_INPUT);
  assert_string_equal(error.sqlstate, "08006");
  poll_close(&poll);
}

static void test_signals(void **state)
{
  (void)state;
  struct signals signals;
  struct error error;
  assert_int_equal(signals_open(&signals, &error), 0);
  assert_int_equal(signals_next(&signals), 0);
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGPIPE);
  assert_int_equal(signals_next(&signals), SIGTERM);
  kill(getpid(), SIGHUP);
  assert_int_equal(signals_next(&signals), SIGHUP);
  assert_int_equal(signals_next(&signals), 0);
  signals_close(&signals);
  signals_close(&signals);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clocks),    cmocka_unit_test(test_random),  cmocka_unit_test(test_threads),
      cmocka_unit_test(test_background_threads_give_way),
      cmocka_unit_test(test_addresses), cmocka_unit_test(test_sockets), cmocka_unit_test(test_signals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
