// A client that is not the limit: requests outstanding on several connections, one thread, epoll.
//
//   bench_load PORT CONNECTIONS DEPTH SECONDS WORK [KEYS [RATE]]
//
// prints requests in a second and p50 and p99 of their latency in microseconds. WORK:
//   text         SELECT … WHERE k = 123, a Query each
//   key          the same, prepared, the key and the value in binary form
//   update-one   a prepared UPDATE of a row by its key
//   update-two   two of them and one Sync: one transaction
// on a table load (k int PRIMARY KEY, v int), keys from 1 to KEYS (100,000), drawn uniformly.
//
// 1. DEPTH requests are outstanding on each connection; each answered one is followed by another. With RATE requests go
//    by the clock instead, as many in a second over all connections, whatever is answered (at most DEPTH on one).
// 2. Latency is from the moment before the write to the moment after the read that brought ReadyForQuery. The first
//    tenth of the time is not counted.
// 3. An error ends the program: what is counted has been done.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SIZE = 256 * 1024, REQUEST_MAXIMUM = 256, CONNECTIONS_MAXIMUM = 1024, DEPTH_MAXIMUM = 4096 };
enum { BUCKETS_A_DOUBLING = 16, BUCKETS = 40 * BUCKETS_A_DOUBLING };

struct connection {
  int descriptor;
  int outstanding;
  uint32_t first;      // of `sent`: the oldest
  int64_t *sent;       // when, a ring of DEPTH
  size_t input_size;
  uint8_t *input;
};

enum work { WORK_TEXT, WORK_KEY, WORK_UPDATE_ONE, WORK_UPDATE_TWO, WORK_COUNT };
static const char *const work_names[WORK_COUNT] = {"text", "key", "update-one", "update-two"};

struct load {
  enum work work;
  int count, depth;
  uint32_t keys;
  double rate; // 0: as quickly as answers come
  uint64_t random;
  int64_t counts_from;
  uint64_t done;
  uint64_t histogram[BUCKETS];
  struct connection *connections;
  uint8_t *output;
  size_t output_size;
};

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what)
{
  fprintf(stderr, "load: error: %s\n", what);
  exit(1);
}

// --- The histogram: buckets of a sixteenth of a doubling -------------------------------------------------------------

static int bucket_of(int64_t ns)
{
  uint64_t value = ns < BUCKETS_A_DOUBLING ? BUCKETS_A_DOUBLING : (uint64_t)ns;
  int doubling = 63 - __builtin_clzll(value);
  int bucket = (doubling - 4) * BUCKETS_A_DOUBLING + (int)(value >> (doubling - 4) & (BUCKETS_A_DOUBLING - 1));
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double bucket_end_us(int bucket)
{
  int doubling = bucket / BUCKETS_A_DOUBLING;
  return (double)((uint64_t)(BUCKETS_A_DOUBLING + bucket % BUCKETS_A_DOUBLING + 1) << doubling) / 1e3;
}

static double quantile_us(const struct load *load, double share)
{
  uint64_t wanted = (uint64_t)((double)load->done * share), below = 0;
  for (int i = 0; i < BUCKETS; i++)
    if ((below += load->histogram[i]) > wanted)
      return bucket_end_us(i);
  return 0;
}

// --- Requests ---------------------------------------------------------------------------------------------------------

static void put_message(struct load *load, char type, const void *body, size_t size)
{
  uint8_t *at = load->output + load->output_size;
  uint32_t length = htonl((uint32_t)size + 4);
  if (type)
    *at++ = (uint8_t)type;
  memcpy(at, &length, 4);
  memcpy(at + 4, body, size);
  load->output_size += (type != 0) + 4 + size;
}

#define PUT(load, type, body) put_message(load, type, body, sizeof(body) - 1)

static uint32_t next_key(struct load *load)
{
  uint64_t z = load->random += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) % load->keys) + 1;
}

// Of the prepared statement "s", its key and what it gives in binary form.
static void put_execution(struct load *load)
{
  uint8_t bind[] = {0, 's', 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1, 0, 1};
  uint32_t key = htonl(next_key(load));
  memcpy(bind + 13, &key, 4);
  put_message(load, 'B', bind, sizeof bind);
  PUT(load, 'E', "\0\0\0\0\0");
}

static void put_request(struct load *load)
{
  if (load->work == WORK_TEXT) {
    char text[64];
    int size = snprintf(text, sizeof text, "SELECT v FROM load WHERE k = %u", next_key(load));
    put_message(load, 'Q', text, (size_t)size + 1);
    return;
  }
  put_execution(load);
  if (load->work == WORK_UPDATE_TWO)
    put_execution(load);
  PUT(load, 'S', "");
}

static void flush(struct load *load, struct connection *connection)
{
  for (size_t at = 0; at < load->output_size;) {
    ssize_t sent = send(connection->descriptor, load->output + at, load->output_size - at, MSG_NOSIGNAL);
    if (sent <= 0)
      fail("the server closed the connection");
    at += (size_t)sent;
  }
  load->output_size = 0;
}

static void send_requests(struct load *load, struct connection *connection, int count, int64_t now)
{
  for (int i = 0; i < count; i++) {
    put_request(load);
    connection->sent[(connection->first + (uint32_t)connection->outstanding++) % (uint32_t)load->depth] = now;
  }
  flush(load, connection);
}

// --- Answers ----------------------------------------------------------------------------------------------------------

// Reads what is there; the number of ReadyForQuery in it.
static int read_answers(struct connection *connection)
{
  uint8_t *free_input = connection->input + connection->input_size;
  ssize_t got = recv(connection->descriptor, free_input, INPUT_SIZE - connection->input_size, 0);
  if (got <= 0)
    fail("the server closed the connection");
  connection->input_size += (size_t)got;
  int ready = 0;
  size_t at = 0;
  while (connection->input_size - at >= 5) {
    const uint8_t *message = connection->input + at;
    uint32_t length;
    memcpy(&length, message + 1, 4);
    size_t size = (size_t)ntohl(length) + 1;
    if (size > INPUT_SIZE)
      fail("a message is too long");
    if (connection->input_size - at < size)
      break;
    if (message[0] == 'E')
      fail("the server answered with an error");
    ready += message[0] == 'Z';
    at += size;
  }
  memmove(connection->input, connection->input + at, connection->input_size - at);
  connection->input_size -= at;
  return ready;
}

static void take_answers(struct load *load, struct connection *connection)
{
  int ready = read_answers(connection);
  int64_t now = now_ns();
  for (int i = 0; i < ready; i++, connection->first++) {
    if (now < load->counts_from)
      continue;
    load->done++;
    load->histogram[bucket_of(now - connection->sent[connection->first % (uint32_t)load->depth])]++;
  }
  connection->outstanding -= ready;
  if (load->rate == 0 && ready)
    send_requests(load, connection, ready, now_ns());
}

// --- Opening ----------------------------------------------------------------------------------------------------------

static void await_ready(struct load *load, struct connection *connection)
{
  flush(load, connection);
  while (!read_answers(connection))
    ;
}

static void open_connection(struct load *load, struct connection *connection, int port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  connection->input = malloc(INPUT_SIZE);
  connection->sent = calloc((size_t)load->depth, sizeof *connection->sent);
  connection->descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (!connection->input || !connection->sent || connection->descriptor < 0 ||
      connect(connection->descriptor, (struct sockaddr *)&address, sizeof address) ||
      setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
    fail("cannot connect");
  PUT(load, 0, "\0\3\0\0user\0postgres\0database\0postgres\0\0");
  await_ready(load, connection);
  if (load->work == WORK_TEXT)
    return;
  if (load->work == WORK_KEY)
    PUT(load, 'P', "s\0SELECT v FROM load WHERE k = $1\0\0\1\0\0\0\27");
  else
    PUT(load, 'P', "s\0UPDATE load SET v = v + 1 WHERE k = $1\0\0\1\0\0\0\27");
  PUT(load, 'S', "");
  await_ready(load, connection);
}

// --- The run ----------------------------------------------------------------------------------------------------------

// With a rate: what is due, in turn over the connections; how long until there is more, in ns.
static int64_t send_due(struct load *load, int64_t begin, uint64_t *sent)
{
  int64_t now = now_ns();
  uint64_t due = (uint64_t)((double)(now - begin) * load->rate / 1e9);
  for (; *sent < due; ++*sent) {
    struct connection *connection = &load->connections[*sent % (uint64_t)load->count];
    if (connection->outstanding < load->depth)
      send_requests(load, connection, 1, now_ns());
  }
  int64_t next = begin + (int64_t)((double)(*sent + 1) * 1e9 / load->rate) - now_ns();
  return next > 0 ? next : 0;
}

static void run(struct load *load, double seconds)
{
  int poll = epoll_create1(0);
  for (int i = 0; i < load->count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->connections[i]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, load->connections[i].descriptor, &event))
      fail("epoll");
  }
  int64_t begin = now_ns(), end = begin + (int64_t)(seconds * 1e9), now;
  load->counts_from = begin + (end - begin) / 10;
  uint64_t sent = 0;
  for (int i = 0; i < load->count && load->rate == 0; i++)
    send_requests(load, &load->connections[i], load->depth, now_ns());
  while ((now = now_ns()) < end) {
    struct epoll_event events[64];
    struct timespec wait = {.tv_sec = 1};
    if (load->rate > 0)
      wait = (struct timespec){.tv_nsec = send_due(load, begin, &sent)};
    int count = epoll_pwait2(poll, events, 64, &wait, NULL);
    if (count < 0 && errno != EINTR)
      fail("epoll");
    for (int i = 0; i < count; i++)
      take_answers(load, events[i].data.ptr);
  }
  printf("%.0f %.1f %.1f\n", (double)load->done / ((double)(now - load->counts_from) / 1e9), quantile_us(load, 0.5),
         quantile_us(load, 0.99));
}

static bool in_bounds(int number, int maximum)
{
  return number >= 1 && number <= maximum;
}

int main(int count, char **arguments)
{
  struct load load = {.work = WORK_COUNT, .keys = 100000, .random = 1};
  if (count >= 6 && count <= 8) {
    load.count = atoi(arguments[2]);
    load.depth = atoi(arguments[3]);
    for (int i = 0; i < WORK_COUNT; i++)
      if (strcmp(arguments[5], work_names[i]) == 0)
        load.work = (enum work)i;
    if (count > 6)
      load.keys = (uint32_t)atoi(arguments[6]);
    if (count > 7)
      load.rate = atof(arguments[7]);
  }
  if (load.work == WORK_COUNT || !in_bounds(load.count, CONNECTIONS_MAXIMUM) || !in_bounds(load.depth, DEPTH_MAXIMUM) ||
      load.keys == 0)
    return fprintf(stderr, "usage: bench_load PORT CONNECTIONS DEPTH SECONDS WORK [KEYS [RATE]]\n"), 2;
  load.connections = calloc((size_t)load.count, sizeof *load.connections);
  load.output = malloc((size_t)load.depth * REQUEST_MAXIMUM + 1024);
  if (!load.connections || !load.output)
    fail("out of memory");
  for (int i = 0; i < load.count; i++)
    open_connection(&load, &load.connections[i], atoi(arguments[1]));
  run(&load, atof(arguments[4]));
  return 0;
}
