// Waiting for many descriptors, by epoll.
#include "os/poll.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/sqlstate.h"

enum { POLL_BATCH = 64 };

int poll_open(struct poll *poll, struct error *error)
{
  poll->descriptor = epoll_create1(EPOLL_CLOEXEC);
  if (poll->descriptor < 0)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not make an epoll descriptor: %s",
                     strerror(errno));
  return STATUS_OK;
}

void poll_close(struct poll *poll)
{
  if (poll->descriptor >= 0)
    close(poll->descriptor);
  poll->descriptor = -1;
}

static int poll_control(struct poll *poll, int operation, int descriptor, uint32_t interest, void *context,
                        struct error *error)
{
  struct epoll_event event = {
      .events = (interest & POLL_READ ? EPOLLIN : 0u) | (interest & POLL_WRITE ? EPOLLOUT : 0u),
      .data.ptr = context,
  };
  if (epoll_ctl(poll->descriptor, operation, descriptor, &event) == 0)
    return STATUS_OK;
  return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not watch a descriptor: %s", strerror(errno));
}

int poll_add(struct poll *poll, int descriptor, uint32_t interest, void *context, struct error *error)
{
  return poll_control(poll, EPOLL_CTL_ADD, descriptor, interest, context, error);
}

int poll_change(struct poll *poll, int descriptor, uint32_t interest, void *context, struct error *error)
{
  return poll_control(poll, EPOLL_CTL_MOD, descriptor, interest, context, error);
}

void poll_remove(struct poll *poll, int descriptor)
{
  epoll_ctl(poll->descriptor, EPOLL_CTL_DEL, descriptor, NULL);
}

int poll_wait(struct poll *poll, struct poll_event *events, int capacity, int timeout_ms)
{
  struct epoll_event ready[POLL_BATCH];
  int count = epoll_wait(poll->descriptor, ready, capacity < POLL_BATCH ? capacity : POLL_BATCH, timeout_ms);
  if (count < 0)
    return 0;
  for (int i = 0; i < count; i++) {
    uint32_t bits = ready[i].events;
    events[i].context = ready[i].data.ptr;
    events[i].ready = (bits & EPOLLIN ? POLL_READ : 0u) | (bits & EPOLLOUT ? POLL_WRITE : 0u) |
                      (bits & (EPOLLERR | EPOLLHUP) ? POLL_BROKEN : 0u);
  }
  return count;
}
