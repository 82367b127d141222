// Random bytes from the kernel.
#include "os/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/sqlstate.h"

int random_fill(void *data, size_t size, struct error *error)
{
  uint8_t *at = data;
  while (size) {
    ssize_t got = getrandom(at, size, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return error_set(error, SQLSTATE_IO_ERROR, "could not get random bytes: %s", strerror(errno));
    at += got;
    size -= (size_t)got;
  }
  return STATUS_OK;
}
