// Aggregates that make JSON.
//
// json gathers its text. jsonb gathers its members, each behind its size (4 bytes), an object's each behind its name:
// they become one value when it is asked for.
#include "base/limits.h"
#include "expr/json_path.h"

// Appends the piece to the state and frees it. status: of what made it, handed through.
static int gather(struct evaluation *evaluation, struct joined *joined, struct buffer *piece, int status,
                  struct arena *arena)
{
  if (!status && piece->failed)
    status = error_memory(evaluation->error);
  if (!status && joined->size + piece->size > LIMIT_MESSAGE)
    status = error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                       "aggregated JSON exceeds the limit of %d bytes", LIMIT_MESSAGE);
  if (!status) {
    struct value value = value_bytes(piece->data, (uint32_t)piece->size);
    status = joined_append(evaluation, joined, &value, arena);
    joined->is_set = true;
  }
  buffer_deinit(piece);
  return status;
}

static int no_name(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "field name must not be null");
}

// ---- json ----

// Rows and arrays stand on lines of their own.
int json_agg_step(STEP)
{
  struct joined *joined = state;
  enum type_id type = evaluation->argument_types[0];
  struct buffer piece = buffer_for(evaluation);
  buffer_append_string(&piece, joined->is_set ? ", " : "[");
  if (joined->is_set && (type_is_array(type) || type_is_row(type)) && !arguments[0].is_null)
    buffer_append_string(&piece, "\n ");
  json_append_value(evaluation, type, &arguments[0], &piece);
  return gather(evaluation, joined, &piece, STATUS_OK, arena);
}

int json_object_agg_step(STEP)
{
  struct joined *joined = state;
  const enum type_id *types = evaluation->argument_types;
  if (arguments[0].is_null)
    return no_name(evaluation);
  struct buffer piece = buffer_for(evaluation), name = piece;
  int status = json_name_of(evaluation, types[0], &arguments[0], &name);
  if (!status) {
    buffer_append_string(&piece, joined->is_set ? ", " : "{ ");
    json_quote(buffer_bytes(&name), &piece);
    buffer_append_string(&piece, " : ");
    json_append_value(evaluation, types[1], &arguments[1], &piece);
  }
  buffer_deinit(&name);
  return gather(evaluation, joined, &piece, status, arena);
}

static int finish_text(struct evaluation *evaluation, const struct joined *joined, const char *end,
                       struct value *result)
{
  *result = value_null();
  if (!joined->is_set)
    return STATUS_OK;
  struct buffer out = buffer_for(evaluation);
  buffer_append(&out, joined->data, joined->size);
  buffer_append_string(&out, end);
  return result_from_buffer(evaluation, &out, result);
}

int json_agg_finish(FINISH)
{
  return finish_text(evaluation, state, "]", result);
}
int json_object_agg_finish(FINISH)
{
  return finish_text(evaluation, state, " }", result);
}

// ---- jsonb ----

static void append_sized(struct buffer *out, struct bytes bytes)
{
  buffer_append_le32(out, (uint32_t)bytes.size);
  buffer_append_bytes(out, bytes);
}

static struct bytes take_sized(const struct joined *joined, size_t *position)
{
  uint32_t size = get_le32(joined->data + *position);
  *position += 4 + size;
  return bytes_of(joined->data + *position - size, size);
}

static int append_member(struct evaluation *evaluation, enum type_id type, const struct value *value,
                         struct buffer *out)
{
  struct jsonb_builder builder;
  struct value made;
  jsonb_builder_init(&builder, evaluation->arena->account);
  int status = jsonb_add_value(evaluation, type, value, &builder);
  status = result_from_builder(evaluation, &builder, status, &made);
  if (!status)
    append_sized(out, bytes_of_value(&made));
  return status;
}

int jsonb_agg_step(STEP)
{
  struct buffer piece = buffer_for(evaluation);
  int status = append_member(evaluation, evaluation->argument_types[0], &arguments[0], &piece);
  return gather(evaluation, state, &piece, status, arena);
}

int jsonb_object_agg_step(STEP)
{
  const enum type_id *types = evaluation->argument_types;
  if (arguments[0].is_null)
    return no_name(evaluation);
  struct buffer piece = buffer_for(evaluation), name = piece;
  int status = json_name_of(evaluation, types[0], &arguments[0], &name);
  append_sized(&piece, buffer_bytes(&name));
  if (!status)
    status = append_member(evaluation, types[1], &arguments[1], &piece);
  buffer_deinit(&name);
  return gather(evaluation, state, &piece, status, arena);
}

static int finish_members(struct evaluation *evaluation, const struct joined *joined, enum json_kind kind,
                          struct value *result)
{
  *result = value_null();
  if (!joined->is_set)
    return STATUS_OK;
  struct jsonb_builder builder;
  jsonb_builder_init(&builder, evaluation->arena->account);
  struct jsonb_mark mark = jsonb_begin(&builder);
  for (size_t position = 0; position < joined->size;) {
    if (kind == JSON_OBJECT)
      jsonb_add_name(&builder, take_sized(joined, &position));
    struct bytes member = take_sized(joined, &position);
    struct value value = value_bytes(member.data, (uint32_t)member.size);
    jsonb_add(&builder, jsonb_of(&value));
  }
  int status = jsonb_end(&builder, mark, kind, evaluation->error);
  return result_from_builder(evaluation, &builder, status, result);
}

int jsonb_agg_finish(FINISH)
{
  return finish_members(evaluation, state, JSON_ARRAY, result);
}
int jsonb_object_agg_finish(FINISH)
{
  return finish_members(evaluation, state, JSON_OBJECT, result);
}
