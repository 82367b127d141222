// Building jsonb: members are written as they come, and a container's table behind them when it ends.
//
// 1. contents holds complete values only; of each the entry on top of those of its container knows where it ends.
// 2. An object whose members did not come in the order of their names is written anew, once, when it ends.
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/jsonb_internal.h"
#include "data/numeric.h"

struct jsonb_entry {
  uint32_t name_end; // in builder->contents
  uint32_t end;
  uint32_t kind; // NAME_ONLY: the value is to come
};

enum { NAME_ONLY = UINT8_MAX };

void jsonb_builder_init(struct jsonb_builder *builder, struct memory_account *account)
{
  *builder = (struct jsonb_builder){.contents.account = account, .entries.account = account};
  buffer_append_u8(&builder->contents, 0);
}

void jsonb_builder_deinit(struct jsonb_builder *builder)
{
  buffer_deinit(&builder->contents);
  buffer_deinit(&builder->entries);
}

static bool has_failed(const struct jsonb_builder *builder)
{
  return builder->contents.failed || builder->entries.failed || builder->is_too_large || builder->is_too_deep;
}

static int failure(const struct jsonb_builder *builder, struct error *error)
{
  if (builder->is_too_large)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "jsonb value exceeds the limit of %d bytes",
                     LIMIT_MESSAGE);
  return builder->is_too_deep ? json_too_deep(error) : error_memory(error);
}

static struct jsonb_entry *entries(const struct jsonb_builder *builder)
{
  return (struct jsonb_entry *)(void *)builder->entries.data;
}

static uint32_t entry_count(const struct jsonb_builder *builder)
{
  return (uint32_t)(builder->entries.size / sizeof(struct jsonb_entry));
}

// What was appended to the contents since the last entry is a value of this kind.
static void close_entry(struct jsonb_builder *builder, enum json_kind kind)
{
  if (has_failed(builder))
    return;
  uint32_t end = (uint32_t)builder->contents.size, count = entry_count(builder);
  struct jsonb_entry *last = count > builder->first ? &entries(builder)[count - 1] : NULL;
  if (last && last->kind == NAME_ONLY) {
    last->kind = kind;
    last->end = end;
    return;
  }
  struct jsonb_entry entry = {.end = end, .kind = kind};
  buffer_append(&builder->entries, &entry, sizeof entry);
}

void jsonb_add_name(struct jsonb_builder *builder, struct bytes name)
{
  builder->is_too_large |= builder->contents.size + name.size > LIMIT_MESSAGE;
  if (has_failed(builder))
    return;
  buffer_append_bytes(&builder->contents, name);
  struct jsonb_entry entry = {.name_end = (uint32_t)builder->contents.size, .kind = NAME_ONLY};
  buffer_append(&builder->entries, &entry, sizeof entry);
}

// Containers in each other, at most; counted no further than limit + 1.
static uint32_t nesting(struct jsonb item, uint32_t limit)
{
  uint32_t deepest = 0, count = json_is_container(item.kind) ? jsonb_count(item) : 0;
  if (!json_is_container(item.kind) || limit == 0)
    return json_is_container(item.kind);
  for (uint32_t i = 0; i < count; i++) {
    struct bytes name;
    struct jsonb member = item.kind == JSON_OBJECT ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    uint32_t depth = nesting(member, limit - 1);
    deepest = depth > deepest ? depth : deepest;
  }
  return deepest + 1;
}

void jsonb_add(struct jsonb_builder *builder, struct jsonb item)
{
  enum { LEVEL = 2 * WORD }; // bytes of an array around something
  uint32_t room = LIMIT_JSON_NESTING - builder->depth;
  builder->is_too_large |= builder->contents.size + item.size > LIMIT_MESSAGE;
  if (has_failed(builder))
    return;
  builder->is_too_deep = item.size / LEVEL + 1 > room && nesting(item, room) > room;
  buffer_append(&builder->contents, item.data, item.size);
  close_entry(builder, item.kind);
}

struct jsonb_mark jsonb_begin(struct jsonb_builder *builder)
{
  builder->is_too_deep |= builder->depth == LIMIT_JSON_NESTING;
  builder->depth += !builder->is_too_deep;
  struct jsonb_mark mark = {
      .start = (uint32_t)builder->contents.size, .first = entry_count(builder), .outer = builder->first};
  builder->first = mark.first;
  return mark;
}

// ---- the order of members ----

struct member {
  struct bytes name;
  uint32_t index; // as they came
};

static int compare_members(const void *left, const void *right)
{
  const struct member *a = left, *b = right;
  int order = jsonb_compare_names(a->name, b->name);
  return order ? order : a->index < b->index ? -1 : 1;
}

static struct member member_at(const struct jsonb_builder *builder, struct jsonb_mark mark, uint32_t index)
{
  const struct jsonb_entry *entry = &entries(builder)[mark.first + index];
  uint32_t start = index ? entry[-1].end : mark.start;
  return (struct member){.name = bytes_of(builder->contents.data + start, entry->name_end - start), .index = index};
}

static bool is_in_order(const struct jsonb_builder *builder, struct jsonb_mark mark, uint32_t count)
{
  for (uint32_t i = 1; i < count; i++)
    if (jsonb_compare_names(member_at(builder, mark, i - 1).name, member_at(builder, mark, i).name) >= 0)
      return false;
  return true;
}

// Writes the members anew, in order; of several of one name the last.
static int put_in_order(struct jsonb_builder *builder, struct jsonb_mark mark, uint32_t count, struct error *error)
{
  struct buffer old_entries = {.account = builder->contents.account}, old_contents = old_entries, sorted = old_entries;
  buffer_append(&old_entries, entries(builder) + mark.first, sizeof(struct jsonb_entry) * count);
  buffer_append(&old_contents, builder->contents.data + mark.start, builder->contents.size - mark.start);
  struct member *members = (struct member *)(void *)buffer_extend(&sorted, sizeof *members * count);
  int status = old_entries.failed || old_contents.failed || !buffer_reserve(&old_contents, 1) || !members
                   ? error_memory(error)
                   : STATUS_OK;
  if (!status) {
    const struct jsonb_entry *from = (const struct jsonb_entry *)(const void *)old_entries.data;
    for (uint32_t i = 0; i < count; i++)
      members[i] = member_at(builder, mark, i);
    qsort(members, count, sizeof *members, compare_members);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
      if (i + 1 == count || jsonb_compare_names(members[i].name, members[i + 1].name) != 0)
        members[kept++].index = members[i].index;
    builder->contents.size = mark.start;
    builder->entries.size = sizeof(struct jsonb_entry) * mark.first;
    for (uint32_t i = 0; i < kept; i++) {
      const struct jsonb_entry *entry = &from[members[i].index];
      uint32_t start = members[i].index ? entry[-1].end : mark.start;
      jsonb_add_name(builder, bytes_of(old_contents.data + (start - mark.start), entry->name_end - start));
      buffer_append(&builder->contents, old_contents.data + (entry->name_end - mark.start),
                    entry->end - entry->name_end);
      close_entry(builder, (enum json_kind)entry->kind);
    }
  }
  buffer_deinit(&old_entries);
  buffer_deinit(&old_contents);
  buffer_deinit(&sorted);
  return status;
}

int jsonb_end(struct jsonb_builder *builder, struct jsonb_mark mark, enum json_kind kind, struct error *error)
{
  if (has_failed(builder))
    return failure(builder, error);
  bool is_object = kind == JSON_OBJECT;
  uint32_t count = entry_count(builder) - mark.first;
  if (is_object && !is_in_order(builder, mark, count)) {
    int status = put_in_order(builder, mark, count, error);
    if (status)
      return status;
    count = entry_count(builder) - mark.first;
  }
  size_t table = ((size_t)count * (is_object ? 2 : 1) + 1) * WORD;
  if (builder->contents.size + table > LIMIT_MESSAGE) {
    builder->is_too_large = true;
    return failure(builder, error);
  }
  uint8_t *at = buffer_extend(&builder->contents, table);
  if (!at)
    return error_memory(error);
  const struct jsonb_entry *entry = entries(builder) + mark.first;
  for (uint32_t i = 0; i < count; i++, entry++) {
    if (is_object) {
      put_le32(at, entry->name_end - mark.start);
      at += WORD;
    }
    put_le32(at, entry->kind << KIND_SHIFT | (entry->end - mark.start));
    at += WORD;
  }
  put_le32(at, count);
  builder->entries.size -= sizeof *entry * count;
  builder->depth--;
  builder->first = mark.outer;
  close_entry(builder, kind);
  return STATUS_OK;
}

int jsonb_finish(struct jsonb_builder *builder, struct arena *arena, struct value *value, struct error *error)
{
  if (has_failed(builder))
    return failure(builder, error);
  uint8_t *data = arena_copy(arena, builder->contents.data, builder->contents.size);
  if (!data)
    return error_memory(error);
  data[0] = (uint8_t)entries(builder)[0].kind;
  *value = value_bytes(data, (uint32_t)builder->contents.size);
  builder->contents.size = 1;
  builder->entries.size = 0;
  return STATUS_OK;
}

// ---- from text ----

struct reading {
  struct jsonb_builder builder;
  struct jsonb_mark marks[LIMIT_JSON_NESTING];
  int depth;
  struct arena *arena;
  struct error *error;
};

static int on_begin(void *context, enum json_kind kind)
{
  struct reading *reading = context;
  (void)kind;
  reading->marks[reading->depth++] = jsonb_begin(&reading->builder);
  return STATUS_OK;
}

static int on_end(void *context, enum json_kind kind)
{
  struct reading *reading = context;
  return jsonb_end(&reading->builder, reading->marks[--reading->depth], kind, reading->error);
}

static int on_key(void *context, struct bytes name)
{
  struct reading *reading = context;
  jsonb_add_name(&reading->builder, name);
  return has_failed(&reading->builder) ? failure(&reading->builder, reading->error) : STATUS_OK;
}

static int on_scalar(void *context, enum json_kind kind, struct bytes contents)
{
  struct reading *reading = context;
  struct arena_mark mark = arena_mark(reading->arena);
  int status = STATUS_OK;
  if (kind == JSON_NUMBER) {
    struct value number;
    status = numeric_from_text(contents, -1, reading->arena, &number, reading->error);
    if (!status)
      jsonb_add(&reading->builder, jsonb_scalar(kind, bytes_of(number.data, number.size)));
  } else {
    jsonb_add(&reading->builder, jsonb_scalar(kind, kind == JSON_STRING ? contents : bytes_of(NULL, 0)));
  }
  arena_release(reading->arena, mark);
  if (!status && has_failed(&reading->builder))
    status = failure(&reading->builder, reading->error);
  return status;
}

int jsonb_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  static const struct json_events events = {on_begin, on_end, on_key, on_scalar};
  struct reading reading = {.arena = arena, .error = error};
  jsonb_builder_init(&reading.builder, arena->account);
  int status = json_parse(text, &events, &reading, error);
  if (!status)
    status = jsonb_finish(&reading.builder, arena, value, error);
  jsonb_builder_deinit(&reading.builder);
  return status;
}
