// Stream sockets over TCP: non-blocking, closed on exec, without Nagle's delay.
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sqlstate.h"

enum { HOST_SIZE = 256, BACKLOG = 1024 };

int socket_resolve(const char *host, uint16_t port, struct socket_address *address, struct error *error)
{
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
  struct addrinfo *list = NULL;
  bool is_any = !host || !*host || strcmp(host, "*") == 0;
  int code = getaddrinfo(is_any ? NULL : host, service, &hints, &list);
  if (code)
    return error_set(error, SQLSTATE_CONNECTION_FAILURE, "could not translate host name \"%s\" to address: %s",
                     is_any ? "*" : host, code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
  const struct addrinfo *chosen = list;
  for (const struct addrinfo *at = list; at; at = at->ai_next) {
    if (at->ai_family == AF_INET) {
      chosen = at;
      break;
    }
  }
  *address = (struct socket_address){.size = chosen->ai_addrlen};
  memcpy(&address->storage, chosen->ai_addr, chosen->ai_addrlen);
  freeaddrinfo(list);
  return STATUS_OK;
}

int socket_parse(const char *text, char *host, uint16_t *port, struct error *error)
{
  const char *colon = strrchr(text, ':');
  const char *start = text, *end = colon;
  char *rest = NULL;
  unsigned long number = 0;
  bool is_good = colon && colon[1] >= '0' && colon[1] <= '9';
  if (is_good) {
    errno = 0;
    number = strtoul(colon + 1, &rest, 10);
    is_good = errno == 0 && *rest == 0 && number <= UINT16_MAX;
  }
  if (is_good && *start == '[') {
    is_good = end > start + 2 && end[-1] == ']';
    start++;
    end--;
  } else if (is_good) {
    is_good = !memchr(start, ':', (size_t)(end - start));
  }
  if (!is_good || end - start >= HOST_SIZE)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "invalid address \"%s\": it must be HOST:PORT or [ADDRESS]:PORT", text);
  memcpy(host, start, (size_t)(end - start));
  host[end - start] = 0;
  *port = (uint16_t)number;
  return STATUS_OK;
}

bool socket_is_loopback(const struct socket_address *address)
{
  if (address->storage.ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
    return ntohl(in->sin_addr.s_addr) >> 24 == 127;
  }
  if (address->storage.ss_family != AF_INET6)
    return false;
  const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

uint16_t socket_port(const struct socket_address *address)
{
  if (address->storage.ss_family == AF_INET)
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
  if (address->storage.ss_family == AF_INET6)
    return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
  return 0;
}

void socket_host_text(const struct socket_address *address, char *text)
{
  bool is_six = address->storage.ss_family == AF_INET6;
  snprintf(text, SOCKET_TEXT, "?");
  if (is_six)
    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, text, SOCKET_TEXT);
  else if (address->storage.ss_family == AF_INET)
    inet_ntop(AF_INET, &((const struct sockaddr_in *)&address->storage)->sin_addr, text, SOCKET_TEXT);
}

void socket_text(const struct socket_address *address, char *text)
{
  char host[SOCKET_TEXT];
  bool is_six = address->storage.ss_family == AF_INET6;
  socket_host_text(address, host);
  snprintf(text, SOCKET_TEXT, is_six ? "[%.64s]:%u" : "%.64s:%u", host, socket_port(address));
}

static int socket_failed(const struct socket_address *address, const char *what, int code, struct error *error)
{
  char text[SOCKET_TEXT];
  socket_text(address, text);
  return error_set(error, SQLSTATE_CONNECTION_FAILURE, "could not %s %s: %s", what, text, strerror(code));
}

static int socket_make(const struct socket_address *address)
{
  return socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void socket_without_delay(int descriptor)
{
  int one = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int socket_listen(const struct socket_address *address, int *listener, struct error *error)
{
  *listener = -1;
  int made = socket_make(address);
  if (made < 0)
    return socket_failed(address, "make a socket for", errno, error);
  int one = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(made, (const struct sockaddr *)&address->storage, address->size) != 0 || listen(made, BACKLOG) != 0) {
    int code = errno;
    close(made);
    return socket_failed(address, "listen on", code, error);
  }
  *listener = made;
  return STATUS_OK;
}

int socket_accept(int listener, int *connection, struct socket_address *peer, struct error *error)
{
  *connection = -1;
  for (;;) {
    peer->size = sizeof peer->storage;
    int made = accept4(listener, (struct sockaddr *)&peer->storage, &peer->size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (made >= 0) {
      socket_without_delay(made);
      *connection = made;
      return 1;
    }
    switch (errno) {
    case EAGAIN:
      return 0;
    case EINTR:
    case ECONNABORTED: // and, as accept(2) says, what the new connection itself has already met
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
      continue;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return error_set(error, SQLSTATE_TOO_MANY_CONNECTIONS, "could not accept a connection: %s", strerror(errno));
    default:
      return error_set(error, SQLSTATE_IO_ERROR, "could not accept a connection: %s", strerror(errno));
    }
  }
}

int socket_connect(const struct socket_address *address, int *connection, struct error *error)
{
  *connection = -1;
  int made = socket_make(address);
  if (made < 0)
    return socket_failed(address, "make a socket for", errno, error);
  socket_without_delay(made);
  if (connect(made, (const struct sockaddr *)&address->storage, address->size) != 0 && errno != EINPROGRESS) {
    int code = errno;
    close(made);
    return socket_failed(address, "connect to", code, error);
  }
  *connection = made;
  return STATUS_OK;
}

int socket_connected(int connection, struct error *error)
{
  int code = 0;
  socklen_t size = sizeof code;
  if (getsockopt(connection, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
    code = errno;
  if (code)
    return error_set(error, SQLSTATE_CONNECTION_FAILURE, "could not connect: %s", strerror(code));
  return STATUS_OK;
}

int socket_bound(int descriptor, struct socket_address *address, struct error *error)
{
  *address = (struct socket_address){.size = sizeof address->storage};
  if (getsockname(descriptor, (struct sockaddr *)&address->storage, &address->size) == 0)
    return STATUS_OK;
  return error_set(error, SQLSTATE_IO_ERROR, "could not get a socket's address: %s", strerror(errno));
}

void socket_close(int descriptor)
{
  if (descriptor >= 0)
    close(descriptor);
}

void socket_shutdown_write(int descriptor)
{
  shutdown(descriptor, SHUT_WR);
}

ptrdiff_t socket_read(int descriptor, void *data, size_t size)
{
  for (;;) {
    ssize_t got = recv(descriptor, data, size, 0);
    if (got >= 0)
      return got;
    if (errno != EINTR)
      return errno == EAGAIN ? SOCKET_AGAIN : SOCKET_BROKEN;
  }
}

ptrdiff_t socket_write(int descriptor, const void *data, size_t size)
{
  for (;;) {
    ssize_t sent = send(descriptor, data, size, MSG_NOSIGNAL);
    if (sent >= 0)
      return sent;
    if (errno != EINTR)
      return errno == EAGAIN ? SOCKET_AGAIN : SOCKET_BROKEN;
  }
}
