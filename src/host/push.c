// connector = 'push': rows come by INSERT and COPY, the connector itself brings none. Every engine knows it.
#include <stdio.h>
#include <string.h>

#include "base/sqlstate.h"
#include "host/sources.h"

static int push_check(const struct quern_source_info *info, struct quern_error *error)
{
  for (int i = 0; i < info->option_count; i++) {
    const char *name = info->options[i].name;
    if (strcmp(name, "connector") == 0)
      continue;
    *error = (struct quern_error){.status = -1};
    snprintf(error->sqlstate, sizeof error->sqlstate, "%s", SQLSTATE_INVALID_PARAMETER_VALUE);
    snprintf(error->message, sizeof error->message, "source \"%s\" has no option \"%s\"", info->name, name);
    return -1;
  }
  return 0;
}

static void *push_open(const struct quern_source_info *info, const uint8_t *position, size_t size, struct quern_error *error)
{
  static char nothing;
  return &nothing;
}

static int64_t push_poll(void *source, struct quern_batch *batch, int max_rows)
{
  return -1;
}

static void push_close(void *source)
{
}

const struct quern_connector push_connector = {
  .name = "push",
  .check = push_check,
  .open = push_open,
  .poll = push_poll,
  .close = push_close,
};
