// connector = 'push': rows come by INSERT and COPY; the connector itself brings none.
#include "connect/connectors.h"
#include "connect/support.h"

static int push_check(const struct quern_source_info *info, struct quern_error *error)
{
  static const char *const known[] = {NULL};
  return option_check_known(info, known, error);
}

static void *push_open(const struct quern_source_info *info, const uint8_t *position, size_t size,
                       struct quern_error *error)
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

const struct quern_connector connector_push = {
    .name = "push",
    .check = push_check,
    .open = push_open,
    .poll = push_poll,
    .close = push_close,
};

int connectors_add(struct connectors *connectors, struct quern *engine)
{
  connector_file(&connectors->file, &connectors->folders);
  const struct quern_connector *all[] = {&connector_push, &connector_generator, &connector_proc, &connectors->file};
  int status = 0;
  for (size_t i = 0; !status && i < sizeof all / sizeof all[0]; i++)
    status = quern_connector_add(engine, all[i]);
  return status;
}
