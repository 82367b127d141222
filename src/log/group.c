// The append side: atoms that wait to be written.
#include "base/check.h"
#include "base/sqlstate.h"
#include "log/log.h"

void log_group_deinit(struct log_group *group)
{
  buffer_deinit(&group->bytes);
  group->last_position = 0;
}

void log_group_clear(struct log_group *group)
{
  buffer_clear(&group->bytes);
  group->last_position = 0;
}

int log_group_append(struct log_group *group, uint64_t position, struct bytes payload, struct error *error)
{
  CHECK(group->last_position == 0 || position == group->last_position + 1);
  if (payload.size > UINT32_MAX)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a transaction changes more than 4 GB");
  if (!buffer_reserve(&group->bytes, 12 + payload.size)) {
    group->bytes.failed = false;
    return error_memory(error);
  }
  buffer_append_le64(&group->bytes, position);
  buffer_append_le32(&group->bytes, (uint32_t)payload.size);
  buffer_append_bytes(&group->bytes, payload);
  group->last_position = position;
  return STATUS_OK;
}

int log_group_append_run(struct log_group *group, struct bytes run, struct error *error)
{
  uint64_t last = group->last_position;
  for (size_t at = 0; at < run.size;) {
    CHECK(run.size - at >= 12);
    uint64_t position = get_le64(run.data + at);
    uint32_t size = get_le32(run.data + at + 8);
    CHECK(last == 0 || position == last + 1);
    CHECK(run.size - at - 12 >= size);
    last = position;
    at += 12 + (size_t)size;
  }
  if (!buffer_reserve(&group->bytes, run.size)) {
    group->bytes.failed = false;
    return error_memory(error);
  }
  buffer_append_bytes(&group->bytes, run);
  group->last_position = last;
  return STATUS_OK;
}
