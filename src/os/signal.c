// Signals as a descriptor, by signalfd.
#include "os/signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/sqlstate.h"

static void signals_set(sigset_t *set)
{
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGHUP);
}

int signals_open(struct signals *signals, struct error *error)
{
  sigset_t set;
  signals_set(&set);
  signals->descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals->descriptor < 0)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not make a signal descriptor: %s",
                     strerror(errno));
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  return STATUS_OK;
}

void signals_close(struct signals *signals)
{
  if (signals->descriptor < 0)
    return;
  close(signals->descriptor);
  signals->descriptor = -1;
  sigset_t set;
  signals_set(&set);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int signals_next(const struct signals *signals)
{
  struct signalfd_siginfo information;
  ssize_t got;
  do
    got = read(signals->descriptor, &information, sizeof information);
  while (got < 0 && errno == EINTR);
  return got == (ssize_t)sizeof information ? (int)information.ssi_signo : 0;
}
