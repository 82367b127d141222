// Waking a loop from any thread, by an eventfd.
#include "os/wake.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/sqlstate.h"

int wake_open(struct wake *wake, struct error *error)
{
  wake->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake->descriptor < 0)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not make an event descriptor: %s",
                     strerror(errno));
  return STATUS_OK;
}

void wake_close(struct wake *wake)
{
  if (wake->descriptor >= 0)
    close(wake->descriptor);
  wake->descriptor = -1;
}

void wake_signal(const struct wake *wake)
{
  // The only failure is a full counter, and then the descriptor is readable anyway.
  uint64_t one = 1;
  ssize_t done;
  do
    done = write(wake->descriptor, &one, sizeof one);
  while (done < 0 && errno == EINTR);
}

void wake_clear(const struct wake *wake)
{
  uint64_t count;
  ssize_t done;
  do
    done = read(wake->descriptor, &count, sizeof count);
  while (done < 0 && errno == EINTR);
}
