// BEGIN; SELECT by key; COMMIT, pipelined on one connection: `bench_pipeline PORT SECONDS` prints how many of these
// transactions a server on the loopback interface did in a second. Its table is pgbench's, user and database are
// postgres, without a password.
//
// Each transaction is three pairs of Bind and Execute and a Sync of its own. WINDOW of them are under way at any time.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 512, TRANSACTION_BYTES = 128, KEYS = 100000, ANSWERS = 1 << 16 };

struct out {
  uint8_t bytes[WINDOW * TRANSACTION_BYTES + 512];
  size_t size;
};

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what)
{
  fprintf(stderr, "pipeline: %s\n", what);
  exit(1);
}

// A message of which the body is given.
static void put_message(struct out *out, char type, const void *body, size_t size)
{
  uint32_t length = htonl((uint32_t)size + 4);
  if (type)
    out->bytes[out->size++] = (uint8_t)type;
  memcpy(out->bytes + out->size, &length, 4);
  memcpy(out->bytes + out->size + 4, body, size);
  out->size += 4 + size;
}

#define PUT(out, type, body) put_message(out, type, body, sizeof(body) - 1)

static void send_all(int socket, const struct out *out)
{
  for (size_t at = 0; at < out->size;) {
    ssize_t sent = write(socket, out->bytes + at, out->size - at);
    if (sent <= 0)
      fail("the server closed the connection");
    at += (size_t)sent;
  }
}

// Counts the ReadyForQuery messages; other messages are passed over. An error ends the program.
struct answers {
  uint8_t bytes[ANSWERS];
  size_t size;
};

static int count_ready(int socket, struct answers *answers)
{
  ssize_t got = read(socket, answers->bytes + answers->size, sizeof answers->bytes - answers->size);
  if (got <= 0)
    fail("the server closed the connection");
  answers->size += (size_t)got;
  int ready = 0;
  size_t at = 0;
  while (answers->size - at >= 5) {
    uint32_t length;
    memcpy(&length, answers->bytes + at + 1, 4);
    length = ntohl(length) + 1;
    if (length > sizeof answers->bytes)
      fail("a message is too long");
    if (answers->size - at < length)
      break;
    if (answers->bytes[at] == 'E')
      fail("the server answered with an error");
    ready += answers->bytes[at] == 'Z';
    at += length;
  }
  memmove(answers->bytes, answers->bytes + at, answers->size - at);
  answers->size -= at;
  return ready;
}

static int connect_to(int port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, opened = socket(AF_INET, SOCK_STREAM, 0);
  if (opened < 0 || connect(opened, (struct sockaddr *)&address, sizeof address) ||
      setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
    fail("cannot connect");
  return opened;
}

static void prepare(int socket, struct answers *answers)
{
  struct out out = {0};
  PUT(&out, 0, "\0\3\0\0user\0postgres\0database\0postgres\0\0");
  send_all(socket, &out);
  while (!count_ready(socket, answers))
    ;
  out.size = 0;
  PUT(&out, 'P', "b\0BEGIN\0\0\0");
  PUT(&out, 'P', "s\0SELECT abalance FROM pgbench_accounts WHERE aid = $1\0\0\1\0\0\0\27");
  PUT(&out, 'P', "c\0COMMIT\0\0\0");
  PUT(&out, 'S', "");
  send_all(socket, &out);
  while (!count_ready(socket, answers))
    ;
}

static void put_transaction(struct out *out, uint32_t *random)
{
  *random = *random * 1664525 + 1013904223;
  uint8_t bind[] = {0, 's', 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0};
  uint32_t key = htonl((*random >> 8) % KEYS + 1);
  memcpy(bind + 13, &key, 4);
  PUT(out, 'B', "\0b\0\0\0\0\0\0\0");
  PUT(out, 'E', "\0\0\0\0\0");
  put_message(out, 'B', bind, sizeof bind);
  PUT(out, 'E', "\0\0\0\0\0");
  PUT(out, 'B', "\0c\0\0\0\0\0\0\0");
  PUT(out, 'E', "\0\0\0\0\0");
  PUT(out, 'S', "");
}

int main(int count, char **arguments)
{
  if (count != 3)
    return fprintf(stderr, "usage: bench_pipeline PORT SECONDS\n"), 2;
  int socket = connect_to(atoi(arguments[1]));
  static struct answers answers;
  static struct out out;
  prepare(socket, &answers);
  uint32_t random = 1;
  uint64_t done = 0;
  double start = seconds_now(), end = start + atof(arguments[2]), now;
  int wanted = WINDOW;
  while ((now = seconds_now()) < end) {
    out.size = 0;
    for (int i = 0; i < wanted; i++)
      put_transaction(&out, &random);
    send_all(socket, &out);
    wanted = count_ready(socket, &answers);
    done += (uint64_t)wanted;
  }
  printf("%.0f\n", (double)done / (now - start));
  close(socket);
  return 0;
}
