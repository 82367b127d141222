// Runs a jsonpath on a jsonb: each step takes an item and hands what it makes of it to the next one.
//
// 1. Lax mode takes arrays apart where a step wants their elements, takes anything else for an array of one, and
//    ignores what is not there. Strict mode does neither.
// 2. Errors are values (RUN_FAILED) as long as predicates and silent calls may make something else of them. What no
//    predicate may hide, memory and cancellation, lies in run->status.
// 3. Depth is bounded by the path's steps and by how deep the jsonb nests.
#include "expr/jsonpath_run.h"

#include <stdarg.h>
#include <stdio.h>

#include "data/numeric.h"

enum { STEPS_BETWEEN_LOOKS = 4096 };

enum run_result run_stop(struct run *run, int status)
{
  run->status = status;
  return RUN_FAILED;
}

enum run_result run_fail(struct run *run, const char *sqlstate, const char *format, ...)
{
  char text[400];
  va_list arguments;
  if (!run->throws)
    return RUN_FAILED;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return run_stop(run, error_set(run->evaluation->error, sqlstate, "%s", text));
}

bool found_add(struct run *run, struct found *found, struct jsonb item)
{
  if (found->count == found->capacity) {
    size_t capacity = found->capacity ? found->capacity * 2 : 8;
    struct jsonb *items = ARENA_ARRAY(run->evaluation->arena, struct jsonb, capacity);
    if (!items) {
      run_stop(run, error_memory(run->evaluation->error));
      return false;
    }
    if (found->count)
      memcpy(items, found->items, sizeof *items * found->count);
    found->items = items;
    found->capacity = capacity;
  }
  found->items[found->count++] = item;
  return true;
}

struct value run_number_of(struct jsonb item) { return value_bytes(item.data, item.size); }

enum run_result run_next(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found)
{
  if (node && node->next)
    return run_node(run, node->next, item, found);
  return !found || found_add(run, found, item) ? RUN_FOUND : RUN_FAILED;
}

static bool is_lax(const struct run *run) { return !run->path->is_strict; }

static enum run_result run_step(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                struct found *found, bool unwraps);

enum run_result run_node(struct run *run, const struct jsonpath_node *node, struct jsonb item, struct found *found)
{
  return run_step(run, node, item, found, is_lax(run));
}

// ---- members ----

// What is done with each member: `node` is run on it, or it is found where that is NULL.
struct visit {
  const struct jsonpath_node *node;
  struct found *found;
  uint32_t level, first, last;
  bool ignores, unwraps;
};

static struct jsonb member_of(struct jsonb container, uint32_t index)
{
  struct bytes name;
  return container.kind == JSON_ARRAY ? jsonb_element(container, index) : jsonb_member(container, index, &name);
}

static enum run_result visit_one(struct run *run, const struct visit *visit, struct jsonb item)
{
  if (!visit->node)
    return !visit->found || found_add(run, visit->found, item) ? RUN_FOUND : RUN_FAILED;
  bool ignored = run->ignores;
  run->ignores |= visit->ignores;
  enum run_result result = run_step(run, visit->node, item, visit->found, visit->unwraps);
  run->ignores = ignored;
  return result;
}

static enum run_result visit_members(struct run *run, struct visit visit, struct jsonb container)
{
  enum run_result all = RUN_NOTHING;
  uint32_t count = visit.level > visit.last ? 0 : jsonb_count(container);
  for (uint32_t i = 0; i < count; i++) {
    struct jsonb item = member_of(container, i);
    bool is_leaf = !json_is_container(item.kind);
    enum run_result result = RUN_NOTHING;
    if (visit.level >= visit.first || (visit.first == JSONPATH_LEVELS && visit.last == JSONPATH_LEVELS && is_leaf))
      result = visit_one(run, &visit, item);
    if (result == RUN_FAILED || (result == RUN_FOUND && !visit.found))
      return result;
    all = result == RUN_FOUND ? RUN_FOUND : all;
    if (visit.level < visit.last && !is_leaf) {
      struct visit deeper = visit;
      deeper.level++;
      result = visit_members(run, deeper, item);
      if (result == RUN_FAILED || (result == RUN_FOUND && !visit.found))
        return result;
      all = result == RUN_FOUND ? RUN_FOUND : all;
    }
  }
  return all;
}

// Each element of an array as the item of the node; NULL: as what is found.
static enum run_result visit_elements(struct run *run, const struct jsonpath_node *node, struct jsonb array,
                                      struct found *found, bool unwraps)
{
  return visit_members(run, (struct visit){node, found, 1, 1, 1, false, unwraps}, array);
}

enum run_result run_unwrapped(struct run *run, const struct jsonpath_node *node, struct jsonb item, bool unwraps,
                              struct found *found)
{
  struct found own = {0};
  if (!unwraps || !is_lax(run))
    return run_node(run, node, item, found);
  enum run_result result = run_node(run, node, item, &own);
  for (size_t i = 0; i < own.count && result != RUN_FAILED; i++)
    if (own.items[i].kind == JSON_ARRAY)
      result = visit_elements(run, NULL, own.items[i], found, false) == RUN_FAILED ? RUN_FAILED : result;
    else if (!found_add(run, found, own.items[i]))
      result = RUN_FAILED;
  return result;
}

// ---- steps ----

static enum run_result step_key(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                struct found *found, bool unwraps)
{
  struct jsonb member;
  if (item.kind == JSON_OBJECT) {
    if (jsonb_find(item, node->text, &member))
      return run_next(run, node, member, found);
    return run->ignores ? RUN_NOTHING
                        : run_fail(run, "2203A", "JSON object does not contain key \"%.*s\"", (int)node->text.size,
                                   (const char *)node->text.data);
  }
  if (unwraps && item.kind == JSON_ARRAY)
    return visit_elements(run, node, item, found, false);
  return run->ignores ? RUN_NOTHING
                      : run_fail(run, "2203A", "jsonpath member accessor can only be applied to an object");
}

static enum run_result step_any_key(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                    struct found *found, bool unwraps)
{
  if (item.kind == JSON_OBJECT)
    return visit_members(run, (struct visit){node->next, found, 1, 1, 1, false, is_lax(run)}, item);
  if (unwraps && item.kind == JSON_ARRAY)
    return visit_elements(run, node, item, found, false);
  return run->ignores ? RUN_NOTHING
                      : run_fail(run, "2203C", "jsonpath wildcard member accessor can only be applied to an object");
}

static enum run_result step_any_level(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                      struct found *found)
{
  enum run_result all = RUN_NOTHING;
  if (node->first == 0) {
    bool ignored = run->ignores;
    run->ignores = true;
    all = run_next(run, node, item, found);
    run->ignores = ignored;
    if (all == RUN_FAILED || (all == RUN_FOUND && !found))
      return all;
  }
  if (!json_is_container(item.kind) || item.kind == RUN_MOMENT)
    return all;
  struct visit visit = {node->next, found, 1, node->first, node->last, true, is_lax(run)};
  enum run_result result = visit_members(run, visit, item);
  return result == RUN_NOTHING ? all : result;
}

static enum run_result subscript(struct run *run, const struct jsonpath_node *node, struct jsonb item, int64_t *index)
{
  struct found found = {0};
  struct value whole;
  struct error ignored = {0};
  if (run_node(run, node, item, &found) == RUN_FAILED)
    return RUN_FAILED;
  if (found.count != 1 || found.items[0].kind != JSON_NUMBER)
    return run_fail(run, "22033", "jsonpath array subscript is not a single numeric value");
  struct value number = run_number_of(found.items[0]);
  if (numeric_truncate(&number, 0, run->evaluation->arena, &whole, &ignored))
    return run_stop(run, error_memory(run->evaluation->error));
  if (numeric_to_int64(&whole, INT32_MIN, INT32_MAX, "integer", index, &ignored))
    return run_fail(run, "22033", "jsonpath array subscript is out of integer range");
  return RUN_FOUND;
}

// The elements from one subscript on to another.
static enum run_result step_range(struct run *run, const struct jsonpath_node *at, const struct jsonpath_node *node,
                                  struct jsonb item, struct found *found)
{
  bool is_array = item.kind == JSON_ARRAY;
  int64_t size = is_array ? jsonb_count(item) : 1, from, to;
  enum run_result all = RUN_NOTHING;
  if (subscript(run, at->left, item, &from) == RUN_FAILED)
    return RUN_FAILED;
  to = from;
  if (at->right && subscript(run, at->right, item, &to) == RUN_FAILED)
    return RUN_FAILED;
  if (!run->ignores && (from < 0 || from > to || to >= size))
    return run_fail(run, "22033", "jsonpath array subscript is out of bounds");
  for (int64_t i = from < 0 ? 0 : from; i <= to && i < size; i++) {
    enum run_result result = run_next(run, node, is_array ? jsonb_element(item, (uint32_t)i) : item, found);
    if (result == RUN_FAILED || (result == RUN_FOUND && !found))
      return result;
    all = result == RUN_FOUND ? RUN_FOUND : all;
  }
  return all;
}

static enum run_result step_elements(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                     struct found *found)
{
  if (item.kind != JSON_ARRAY && !is_lax(run))
    return run->ignores ? RUN_NOTHING
                        : run_fail(run, "22039", "jsonpath array accessor can only be applied to an array");
  enum run_result all = RUN_NOTHING;
  for (const struct jsonpath_node *at = node; at; at = at->more) {
    int64_t outer = run->array_size;
    run->array_size = item.kind == JSON_ARRAY ? jsonb_count(item) : 1;
    enum run_result result = step_range(run, at, node, item, found);
    run->array_size = outer;
    if (result == RUN_FAILED || (result == RUN_FOUND && !found))
      return result;
    all = result == RUN_FOUND ? RUN_FOUND : all;
  }
  return all;
}

static enum run_result step_any_element(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                        struct found *found)
{
  if (item.kind == JSON_ARRAY)
    return visit_elements(run, node->next, item, found, is_lax(run));
  if (is_lax(run))
    return run_next(run, node, item, found);
  return run->ignores ? RUN_NOTHING
                      : run_fail(run, "22039", "jsonpath wildcard array accessor can only be applied to an array");
}

static enum run_result step_filter(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                   struct found *found, bool unwraps)
{
  if (unwraps && item.kind == JSON_ARRAY)
    return visit_elements(run, node, item, found, false);
  struct jsonb outer = run->current;
  run->current = item;
  enum truth truth = run_predicate(run, node->left, item);
  run->current = outer;
  if (run->status)
    return RUN_FAILED;
  return truth == IS_TRUE ? run_next(run, node, item, found) : RUN_NOTHING;
}

static enum run_result found_integer(struct run *run, const struct jsonpath_node *node, int64_t v, struct found *found)
{
  struct value number;
  int status = numeric_from_int64(v, run->evaluation->arena, &number, run->evaluation->error);
  return status ? run_stop(run, status) : run_next(run, node, run_number(&number), found);
}

static enum run_result step_keyvalue(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                     struct found *found, bool unwraps)
{
  enum run_result all = RUN_NOTHING;
  if (unwraps && item.kind == JSON_ARRAY)
    return visit_elements(run, node, item, found, false);
  if (item.kind != JSON_OBJECT)
    return run_fail(run, "2203C", "jsonpath item method .keyvalue() can only be applied to an object");
  struct value id, pair;
  int64_t place = item.data >= run->root.data && item.data < run->root.data + run->root.size
                      ? (int64_t)(item.data - run->root.data) : 0;
  int status = numeric_from_int64(place, run->evaluation->arena, &id, run->evaluation->error);
  for (uint32_t i = 0; !status && i < jsonb_count(item); i++) {
    struct jsonb_builder builder;
    struct bytes name;
    struct jsonb value = jsonb_member(item, i, &name);
    jsonb_builder_init(&builder, run->evaluation->arena->account);
    struct jsonb_mark mark = jsonb_begin(&builder);
    jsonb_add_name(&builder, bytes_of_string("key"));
    jsonb_add(&builder, jsonb_scalar(JSON_STRING, name));
    jsonb_add_name(&builder, bytes_of_string("value"));
    jsonb_add(&builder, value);
    jsonb_add_name(&builder, bytes_of_string("id"));
    jsonb_add(&builder, run_number(&id));
    status = jsonb_end(&builder, mark, JSON_OBJECT, run->evaluation->error);
    status = result_from_builder(run->evaluation, &builder, status, &pair);
    if (status)
      break;
    enum run_result result = run_next(run, node, jsonb_of(&pair), found);
    if (result == RUN_FAILED || (result == RUN_FOUND && !found))
      return result;
    all = result == RUN_FOUND ? RUN_FOUND : all;
  }
  return status ? run_stop(run, status) : all;
}

static enum run_result step_size(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                 struct found *found)
{
  if (item.kind == JSON_ARRAY)
    return found_integer(run, node, jsonb_count(item), found);
  if (is_lax(run))
    return found_integer(run, node, 1, found);
  return run->ignores ? RUN_NOTHING
                      : run_fail(run, "22039", "jsonpath item method .%s() can only be applied to an array", "size");
}

static enum run_result step_operand(struct run *run, const struct jsonpath_node *node, struct found *found)
{
  struct jsonb item = {0};
  switch (node->kind) {
  case JSONPATH_NULL: item = jsonb_scalar(JSON_NULL, bytes_of("", 0)); break;
  case JSONPATH_TRUE: item = jsonb_scalar(JSON_TRUE, bytes_of("", 0)); break;
  case JSONPATH_FALSE: item = jsonb_scalar(JSON_FALSE, bytes_of("", 0)); break;
  case JSONPATH_NUMBER: item = run_number(&node->number); break;
  case JSONPATH_STRING: item = jsonb_scalar(JSON_STRING, node->text); break;
  case JSONPATH_ROOT: item = run->root; break;
  case JSONPATH_CURRENT: item = run->current; break;
  case JSONPATH_LAST: return found_integer(run, node, run->array_size - 1, found);
  default:
    if (run_variable(run, node, &item) == RUN_FAILED)
      return RUN_FAILED;
  }
  return run_next(run, node, item, found);
}

static enum run_result step_predicate(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                      struct found *found)
{
  enum truth truth = run_predicate(run, node, item);
  if (run->status)
    return RUN_FAILED;
  if (!node->next && !found)
    return RUN_FOUND;
  enum json_kind kind = truth == IS_UNKNOWN ? JSON_NULL : truth == IS_TRUE ? JSON_TRUE : JSON_FALSE;
  return run_next(run, node, jsonb_scalar(kind, bytes_of("", 0)), found);
}

static enum run_result run_step(struct run *run, const struct jsonpath_node *node, struct jsonb item,
                                struct found *found, bool unwraps)
{
  static const char *const types[] = {
      [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "number", [JSON_FALSE] = "boolean",
      [JSON_TRUE] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
  struct evaluation *evaluation = run->evaluation;
  if (++run->steps % STEPS_BETWEEN_LOOKS == 0 && evaluation->hooks && evaluation->hooks->look) {
    int status = evaluation->hooks->look(evaluation);
    if (status)
      return run_stop(run, status);
  }
  switch (node->kind) {
  case JSONPATH_KEY: return step_key(run, node, item, found, unwraps);
  case JSONPATH_ANY_KEY: return step_any_key(run, node, item, found, unwraps);
  case JSONPATH_ANY_LEVEL: return step_any_level(run, node, item, found);
  case JSONPATH_ELEMENTS: return step_elements(run, node, item, found);
  case JSONPATH_ANY_ELEMENT: return step_any_element(run, node, item, found);
  case JSONPATH_FILTER: return step_filter(run, node, item, found, unwraps);
  case JSONPATH_TYPE:
    return run_next(run, node, run_text(item.kind == RUN_MOMENT ? run_moment_type(item) : types[item.kind]), found);
  case JSONPATH_SIZE: return step_size(run, node, item, found);
  case JSONPATH_KEYVALUE: return step_keyvalue(run, node, item, found, unwraps);
  case JSONPATH_DATETIME:
    if (unwraps && item.kind == JSON_ARRAY)
      return visit_elements(run, node, item, found, false);
    return run_datetime(run, node, item, found);
  case JSONPATH_DOUBLE:
  case JSONPATH_CEILING:
  case JSONPATH_FLOOR:
  case JSONPATH_ABS:
    if (unwraps && item.kind == JSON_ARRAY)
      return visit_elements(run, node, item, found, false);
    return run_number_method(run, node, item, found);
  default:
    if (node->kind < JSONPATH_KEY)
      return step_operand(run, node, found);
    if (jsonpath_is_predicate(node->kind))
      return step_predicate(run, node, item, found);
    return run_arithmetic(run, node, item, found);
  }
}
