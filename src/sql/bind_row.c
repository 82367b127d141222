// Values that are rows of a type: their fields, and what is assigned to one of them.
//
// A row with another field is a row made anew, of the fields of the old one: nothing else knows of changes within rows.
#include "data/record.h"
#include "sql/binder.h"

const struct row_type *bind_row_type(const struct binder *binder, enum type_id type)
{
  return type_is_composite(type) ? binder->types.types.find_row(binder->types.types.context, type_object(type)) : NULL;
}

static int field_number(const struct row_type *row, const char *name)
{
  for (int i = 0; row && i < row->count; i++)
    if (strcmp(row->columns[i].name, name) == 0)
      return i;
  return -1;
}

int bind_row_parameters(struct binder *binder, struct node *record, enum type_id type)
{
  const struct row_type *row = bind_row_type(binder, type);
  bool is_made = record->kind == NODE_CALL && record->function == &record_function;
  for (int i = 0; row && is_made && i < row->count && 2 * i < record->argument_count; i++) {
    struct node **own = &record->arguments[2 * i + 1];
    bool is_loose = (*own)->kind == NODE_PARAMETER && (*own)->type.id == TYPE_UNKNOWN;
    if (is_loose && !(*own = bind_parameter_type(binder, *own, row->columns[i].type)))
      return binder->error->status;
    if ((*own)->type.id == TYPE_RECORD && bind_row_parameters(binder, *own, row->columns[i].type.id))
      return binder->error->status;
  }
  return 0;
}

// ROW(…) of this type knows its fields itself.
static struct node *field(struct binder *binder, struct node *record, const struct row_type *row, int number)
{
  if (record->kind == NODE_CALL && record->function == &record_function && record->argument_count == 2 * row->count)
    return record->arguments[2 * number + 1];
  struct node *place = node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(number), record->position);
  struct node *arguments[] = {record, place};
  struct node *node =
      place ? bind_node(binder, NODE_CALL, row->columns[number].type, record->position, arguments, 2) : bind_memory(binder);
  if (node)
    node->function = &record_column_function;
  return node;
}

struct node *bind_field(struct binder *binder, struct node *record, const char *name)
{
  const struct row_type *row = bind_row_type(binder, record->type.id);
  int number = field_number(row, name);
  if (!row)
    return bind_fail(binder, record->position, SQLSTATE_WRONG_OBJECT_TYPE,
                     "column notation .%s applied to type %s, which is not a composite type", name,
                     BIND_TYPE_NAME(binder, record->type.id));
  if (number < 0)
    return bind_fail(binder, record->position, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" not found in data type %s", name,
                     BIND_TYPE_NAME(binder, record->type.id));
  return field(binder, record, row, number);
}

int bind_all_fields(struct binder *binder, struct node *record,
                    int (*add)(void *context, const char *name, struct node *node), void *context)
{
  const struct row_type *row = bind_row_type(binder, record->type.id);
  if (!row)
    return bind_error(binder, record->position, SQLSTATE_WRONG_OBJECT_TYPE, "type %s is not composite",
                      BIND_TYPE_NAME(binder, record->type.id));
  for (int i = 0; i < row->count; i++) {
    const char *name = bind_copy(binder, row->columns[i].name);
    struct node *node = name ? field(binder, record, row, i) : NULL;
    int status = node ? add(context, name, node) : (int)binder->error->status;
    if (status)
      return status;
  }
  return 0;
}

// --- Assignments to parts of a column ---------------------------------------------------------------------------

static PgQuery__ResTarget behind_field(const PgQuery__ResTarget *place)
{
  PgQuery__ResTarget rest = *place;
  rest.indirection++;
  rest.n_indirection--;
  return rest;
}

// The field that the place names first: its number, or a status.
static int assigned_field(struct binder *binder, const PgQuery__ResTarget *place, enum type_id type,
                          const struct row_type **row)
{
  const char *name = place->indirection[0]->string->sval;
  *row = bind_row_type(binder, type);
  int number = field_number(*row, name);
  if (!*row)
    return bind_error(binder, place->location, SQLSTATE_DATATYPE_MISMATCH,
                      "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a composite type", name,
                      place->name, BIND_TYPE_NAME(binder, type));
  if (number < 0)
    return bind_error(binder, place->location, SQLSTATE_UNDEFINED_COLUMN,
                      "cannot assign to field \"%s\" of column \"%s\" because there is no such column in data type %s",
                      name, place->name, BIND_TYPE_NAME(binder, type));
  return number;
}

static bool is_field(const PgQuery__ResTarget *place)
{
  return place->indirection[0]->node_case == PG_QUERY__NODE__NODE_STRING;
}

static struct node *cast_field(struct binder *binder, const PgQuery__ResTarget *place, struct type type, struct node *value)
{
  const struct function *function;
  if (value->type.id == type.id || cast_find(value->type.id, type.id, CAST_ASSIGNMENT, &function))
    return bind_cast(binder, value, type, CAST_ASSIGNMENT);
  bind_fail(binder, place->location, SQLSTATE_DATATYPE_MISMATCH, "subfield \"%s\" is of type %s but expression is of type %s",
            place->indirection[0]->string->sval, BIND_TYPE_NAME(binder, type.id), BIND_TYPE_NAME(binder, value->type.id));
  error_hint(binder->error, "You will need to rewrite or cast the expression.");
  return NULL;
}

struct node *bind_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place, struct type type,
                       struct node *value)
{
  if (!is_field(place))
    return bind_array_part(binder, scope, place, type, value);
  const struct row_type *row;
  int number = assigned_field(binder, place, type.id, &row);
  if (number < 0)
    return NULL;
  if (place->n_indirection == 1)
    return cast_field(binder, place, row->columns[number].type, value);
  PgQuery__ResTarget rest = behind_field(place);
  return bind_part(binder, scope, &rest, row->columns[number].type, value);
}

struct node *bind_part_assignment(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                                  struct node *whole, struct node *value)
{
  if (!is_field(place))
    return bind_array_assignment(binder, scope, place, whole, value);
  const struct row_type *row;
  int number = assigned_field(binder, place, whole->type.id, &row);
  struct node **arguments = number < 0 ? NULL : ARENA_ARRAY(binder->arena, struct node *, 2 * row->count);
  if (!arguments)
    return number < 0 ? NULL : bind_memory(binder);
  for (int i = 0; i < row->count; i++) {
    const char *name = bind_copy(binder, row->columns[i].name);
    arguments[2 * i] = name ? node_constant(binder->arena, type_plain(TYPE_TEXT), value_string(name), -1) : NULL;
    if (!arguments[2 * i])
      return bind_memory(binder);
    bool is_whole = i == number && place->n_indirection == 1;
    struct node *own = is_whole ? NULL : field(binder, whole, row, i);
    PgQuery__ResTarget rest = i == number && !is_whole ? behind_field(place) : *place;
    arguments[2 * i + 1] = is_whole      ? cast_field(binder, place, row->columns[i].type, value)
                           : i == number && own ? bind_part_assignment(binder, scope, &rest, own, value)
                                                : own;
    if (!arguments[2 * i + 1])
      return NULL;
  }
  struct node *made = bind_node(binder, NODE_CALL, whole->type, place->location, arguments, 2 * row->count);
  if (made)
    made->function = &record_function;
  return made;
}
