// The ceiling of a machine: a server that speaks enough of PostgreSQL's protocol for pgbench and does
// nothing. One thread, bare epoll, replies encoded beforehand. What it does not do no server can save.
//
//   bench_null_server PORT        (0: a free one; prints `null_server: listening on 127.0.0.1:PORT`)
//
// 1. A text is answered by its first word, whatever stands behind it; a row is always one column, "0".
// 2. The only memory of a connection is which word each of its prepared statements begins with.
// 3. All replies to what arrived together leave together.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_SIZE = 256 * 1024, OUTPUT_SIZE = 1024 * 1024, EVENTS = 256, STATEMENTS = 256, NAME_SIZE = 32 };
enum { REQUEST_TLS = 80877103, REQUEST_GSS = 80877104, REQUEST_CANCEL = 80877102 };
// The longest that one message is answered with; input waits while less is free.
enum { REPLY_MAXIMUM = 512 };

// --- Replies ---------------------------------------------------------------------------------------

#define BYTES(text) ((struct bytes){text, sizeof text - 1})

struct bytes {
  const char *data;
  size_t size;
};

#define READY "Z\0\0\0\5I"
#define COLUMN "T\0\0\0\x21\0\1abalance\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
#define ROW \
  "D\0\0\0\x0b\0\1\0\0\0\1" \
  "0"

enum kind {
  KIND_SELECT,
  KIND_COUNT,
  KIND_UPDATE,
  KIND_INSERT,
  KIND_BEGIN,
  KIND_END,
  KIND_VACUUM,
  KIND_TRUNCATE,
  KIND_UNKNOWN,
  KIND_COUNT_OF
};

struct reply {
  const char *word;      // that a text begins with
  struct bytes describe; // RowDescription or NoData
  struct bytes execute;  // rows and CommandComplete
  struct bytes query;    // what a simple Query gets
};

// The scale that pgbench reads is 10, so that it draws the same keys as for its peers.
static const struct reply replies[KIND_COUNT_OF] = {
    [KIND_COUNT] = {"select count(*)", BYTES(COLUMN),
                    BYTES("D\0\0\0\x0c\0\1\0\0\0\2"
                          "10"
                          "C\0\0\0\rSELECT 1\0"),
                    BYTES(COLUMN "D\0\0\0\x0c\0\1\0\0\0\2"
                                 "10"
                                 "C\0\0\0\rSELECT 1\0" READY)},
    [KIND_SELECT] = {"select", BYTES(COLUMN), BYTES(ROW "C\0\0\0\rSELECT 1\0"),
                     BYTES(COLUMN ROW "C\0\0\0\rSELECT 1\0" READY)},
    [KIND_UPDATE] = {"update", BYTES("n\0\0\0\4"), BYTES("C\0\0\0\rUPDATE 1\0"), BYTES("C\0\0\0\rUPDATE 1\0" READY)},
    [KIND_INSERT] = {"insert", BYTES("n\0\0\0\4"), BYTES("C\0\0\0\x0fINSERT 0 1\0"),
                     BYTES("C\0\0\0\x0fINSERT 0 1\0" READY)},
    [KIND_BEGIN] = {"begin", BYTES("n\0\0\0\4"), BYTES("C\0\0\0\nBEGIN\0"), BYTES("C\0\0\0\nBEGIN\0" READY)},
    [KIND_END] = {"end", BYTES("n\0\0\0\4"),
                  BYTES("C\0\0\0\x0b"
                        "COMMIT\0"),
                  BYTES("C\0\0\0\x0b"
                        "COMMIT\0" READY)},
    [KIND_VACUUM] = {"vacuum", BYTES("n\0\0\0\4"), BYTES("C\0\0\0\x0bVACUUM\0"), BYTES("C\0\0\0\x0bVACUUM\0" READY)},
    [KIND_TRUNCATE] = {"truncate", BYTES("n\0\0\0\4"), BYTES("C\0\0\0\x13TRUNCATE TABLE\0"),
                       BYTES("C\0\0\0\x13TRUNCATE TABLE\0" READY)},
    [KIND_UNKNOWN] = {"", BYTES("n\0\0\0\4"), BYTES("E\0\0\0\x2bSERROR\0C0A000\0Mthe null server cannot\0\0"),
                      BYTES("E\0\0\0\x2bSERROR\0C0A000\0Mthe null server cannot\0\0" READY)},
};

#define PARAMETER(length, text) "S\0\0\0" length text "\0"
static const struct bytes welcome =
    BYTES("R\0\0\0\x08\0\0\0\0" PARAMETER("\x18", "server_version\0"
                                                  "15.0") PARAMETER("\x19", "server_encoding\0"
                                                                            "UTF8")
              PARAMETER("\x19", "client_encoding\0"
                                "UTF8") PARAMETER("\x23", "standard_conforming_strings\0on")
                  PARAMETER("\x19", "integer_datetimes\0on") "K\0\0\0\x0c\0\0\0\1\0\0\0\1" READY);

// --- Connections -----------------------------------------------------------------------------------

struct connection {
  int descriptor;
  bool is_started;
  bool is_writing;  // epoll waits for room to write
  bool is_skipping; // after an error, until Sync
  enum kind portal;
  size_t input_size, output_from, output_size;
  int statement_count;
  struct {
    char name[NAME_SIZE];
    enum kind kind;
  } statements[STATEMENTS];
  uint8_t input[INPUT_SIZE];
  uint8_t output[OUTPUT_SIZE];
};

static uint32_t get32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(struct connection *connection, struct bytes bytes)
{
  memcpy(connection->output + connection->output_size, bytes.data, bytes.size);
  connection->output_size += bytes.size;
}

static enum kind kind_of(const char *text)
{
  text += strspn(text, " \t\r\n");
  // The question for partitions; pgbench takes an error for "none".
  if (strncasecmp(text, "select o.n", 10) == 0)
    return KIND_UNKNOWN;
  static const enum kind order[] = {KIND_COUNT, KIND_SELECT, KIND_UPDATE, KIND_INSERT,
                                    KIND_BEGIN, KIND_END,    KIND_VACUUM, KIND_TRUNCATE};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    const char *word = replies[order[i]].word;
    if (strncasecmp(text, word, strlen(word)) == 0)
      return order[i];
  }
  return strncasecmp(text, "commit", 6) == 0 ? KIND_END : KIND_UNKNOWN;
}

static enum kind *statement_find(struct connection *connection, const char *name)
{
  for (int i = 0; i < connection->statement_count; i++)
    if (strcmp(connection->statements[i].name, name) == 0)
      return &connection->statements[i].kind;
  return NULL;
}

// False: too many statements, or too long a name.
static bool statement_put(struct connection *connection, const char *name, enum kind kind)
{
  enum kind *known = statement_find(connection, name);
  if (!known) {
    if (connection->statement_count == STATEMENTS || strlen(name) >= NAME_SIZE)
      return false;
    strcpy(connection->statements[connection->statement_count].name, name);
    known = &connection->statements[connection->statement_count++].kind;
  }
  *known = kind;
  return true;
}

// --- Messages --------------------------------------------------------------------------------------

// body ends with a zero byte of its own message, or is empty. False: close the connection.
static bool answer(struct connection *connection, char type, const char *body, size_t size)
{
  if (connection->is_skipping && type != 'S' && type != 'X')
    return true;
  size_t name_size = strnlen(body, size) + 1;
  const enum kind *kind;
  switch (type) {
  case 'Q': put(connection, replies[kind_of(body)].query); return true;
  case 'P':
    put(connection, BYTES("1\0\0\0\4"));
    return name_size < size && statement_put(connection, body, kind_of(body + name_size));
  case 'B':
    kind = name_size < size ? statement_find(connection, body + name_size) : NULL;
    connection->portal = kind ? *kind : KIND_UNKNOWN;
    put(connection, BYTES("2\0\0\0\4"));
    return true;
  case 'D':
    if (size > 1 && body[0] == 'S') {
      kind = statement_find(connection, body + 1);
      put(connection, BYTES("t\0\0\0\6\0\0"));
      put(connection, replies[kind ? *kind : KIND_UNKNOWN].describe);
    } else {
      put(connection, replies[connection->portal].describe);
    }
    return true;
  case 'E':
    put(connection, replies[connection->portal].execute);
    connection->is_skipping = connection->portal == KIND_UNKNOWN;
    return true;
  case 'C': put(connection, BYTES("3\0\0\0\4")); return true;
  case 'S':
    connection->is_skipping = false;
    put(connection, BYTES(READY));
    return true;
  case 'H': return true;
  default: return false;
  }
}

// Start-up messages have no type. Returns their size, 0 when it is not all there, -1 to close.
static ssize_t start(struct connection *connection, const uint8_t *at, size_t size)
{
  if (size < 8)
    return 0;
  uint32_t length = get32(at), code = get32(at + 4);
  if (length < 8 || length > INPUT_SIZE || code == REQUEST_CANCEL)
    return -1;
  if (size < length)
    return 0;
  if (code == REQUEST_TLS || code == REQUEST_GSS) {
    put(connection, BYTES("N"));
  } else {
    put(connection, welcome);
    connection->is_started = true;
  }
  return length;
}

// Answers the whole messages of the input as far as there is room for replies. False: close.
static bool answer_all(struct connection *connection)
{
  size_t from = 0;
  while (connection->output_size + REPLY_MAXIMUM <= OUTPUT_SIZE) {
    const uint8_t *at = connection->input + from;
    size_t size = connection->input_size - from;
    if (!connection->is_started) {
      ssize_t taken = start(connection, at, size);
      if (taken < 0)
        return false;
      if (taken == 0)
        break;
      from += (size_t)taken;
      continue;
    }
    if (size < 5)
      break;
    uint32_t length = get32(at + 1);
    if (length < 4 || length > INPUT_SIZE - 1)
      return false;
    if (size < length + 1)
      break;
    if (strchr("QPBDC", at[0]) && (length == 4 || memchr(at + 5, 0, length - 4) == NULL))
      return false;
    if (!answer(connection, (char)at[0], (const char *)at + 5, length - 4))
      return false;
    from += length + 1;
  }
  memmove(connection->input, connection->input + from, connection->input_size - from);
  connection->input_size -= from;
  return true;
}

static bool write_all(int poll, struct connection *connection)
{
  while (connection->output_from < connection->output_size) {
    ssize_t size = send(connection->descriptor, connection->output + connection->output_from,
                        connection->output_size - connection->output_from, MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN)
      return false;
    if (size < 0)
      break;
    connection->output_from += (size_t)size;
  }
  bool is_done = connection->output_from == connection->output_size;
  if (is_done)
    connection->output_from = connection->output_size = 0;
  if (is_done == connection->is_writing) {
    connection->is_writing = !is_done;
    struct epoll_event event = {.events = is_done ? EPOLLIN : EPOLLOUT, .data.ptr = connection};
    return epoll_ctl(poll, EPOLL_CTL_MOD, connection->descriptor, &event) == 0;
  }
  return true;
}

// While replies wait for room nothing is read.
static bool serve(int poll, struct connection *connection)
{
  if (!connection->is_writing) {
    ssize_t size = recv(connection->descriptor, connection->input + connection->input_size,
                        INPUT_SIZE - connection->input_size, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN))
      return false;
    if (size > 0)
      connection->input_size += (size_t)size;
  }
  bool was_full;
  do {
    if (!answer_all(connection))
      return false;
    was_full = connection->output_size + REPLY_MAXIMUM > OUTPUT_SIZE;
    if (!write_all(poll, connection))
      return false;
  } while (was_full && !connection->is_writing);
  return true;
}

static void accept_all(int poll, int listener)
{
  int descriptor;
  while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (!connection || epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event)) {
      free(connection);
      close(descriptor);
      continue;
    }
    connection->descriptor = descriptor;
  }
}

static int listen_on(uint16_t port)
{
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
      bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024) ||
      getsockname(listener, (struct sockaddr *)&address, &size)) {
    perror("null_server: cannot listen");
    return -1;
  }
  printf("null_server: listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(int argc, char **argv)
{
  char *end = NULL;
  unsigned long port = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
  if (argc != 2 || end == argv[1] || *end || port > 65535) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  int listener = listen_on((uint16_t)port), poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN}; // no connection: the listener
  if (listener < 0 || poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event))
    return 1;
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!connection) {
        accept_all(poll, listener);
      } else if (!serve(poll, connection)) {
        close(connection->descriptor);
        free(connection);
      }
    }
  }
}
