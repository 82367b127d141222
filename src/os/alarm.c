// Alarms, by a timerfd.
#include "os/alarm.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/sqlstate.h"

int alarm_open(struct alarm *alarm, struct error *error)
{
  alarm->due = INT64_MAX;
  alarm->descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (alarm->descriptor < 0)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not make a timer descriptor: %s",
                     strerror(errno));
  return STATUS_OK;
}

void alarm_close(struct alarm *alarm)
{
  if (alarm->descriptor >= 0)
    close(alarm->descriptor);
  alarm->descriptor = -1;
}

void alarm_set(struct alarm *alarm, int64_t due)
{
  if (due == alarm->due)
    return;
  alarm->due = due;
  struct itimerspec when = {0};
  if (due != INT64_MAX) {
    int64_t at = due > 1 ? due : 1; // zero would switch it off
    when.it_value.tv_sec = at / 1000000;
    when.it_value.tv_nsec = at % 1000000 * 1000;
  }
  timerfd_settime(alarm->descriptor, TFD_TIMER_ABSTIME, &when, NULL);
}
