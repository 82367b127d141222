// Waking a loop from any thread, by an eventfd.
#include "os/wake.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/sqlstate.h"

int wake_open(struct wake *wake, struct error *error)
{
  wake->is_signalled = false;
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

// 1. Every change of is_signalled from false to true is followed by one write, every change back is preceded by one
//    read: so the descriptor is readable exactly while a signal is out.
// 2. What was queued before a signal is seen by whoever looks at the queue after the clear.
void wake_signal(struct wake *wake)
{
  if (__atomic_exchange_n(&wake->is_signalled, true, __ATOMIC_SEQ_CST))
    return;
  uint64_t one = 1;
  ssize_t done;
  do
    done = write(wake->descriptor, &one, sizeof one);
  while (done < 0 && errno == EINTR);
}

void wake_clear(struct wake *wake)
{
  if (!__atomic_load_n(&wake->is_signalled, __ATOMIC_SEQ_CST))
    return;
  // The signal's write is done or just about to be.
  uint64_t count;
  while (read(wake->descriptor, &count, sizeof count) < 0)
    sched_yield();
  __atomic_store_n(&wake->is_signalled, false, __ATOMIC_SEQ_CST);
}
