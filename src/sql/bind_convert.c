// Types of expressions: PostgreSQL's implicit casts (manual, chapter 10), over what expr/ knows of functions and casts.
#include "sql/binder.h"

static bool is_loose_parameter(const struct node *node)
{
  return node->kind == NODE_PARAMETER && node->type.id == TYPE_UNKNOWN;
}

struct node *bind_cast(struct binder *binder, struct node *node, struct type type, enum cast_context context)
{
  int32_t location = node->position;
  if (is_loose_parameter(node) && type.id != TYPE_UNKNOWN) {
    node = bind_parameter_type(binder, node, type);
    if (!node)
      return NULL;
  }
  if (type.id == TYPE_UNKNOWN)
    return node;
  if (node->type.id == TYPE_RECORD && type_is_composite(type.id) && bind_row_parameters(binder, node, type.id))
    return NULL;
  error_clear(binder->error);
  struct node *cast = cast_node(node, type, context, binder->arena, &binder->format, binder->error);
  if (!cast)
    bind_error_from(binder, location);
  return cast;
}

struct node *bind_known(struct binder *binder, struct node *node)
{
  return node->type.id == TYPE_UNKNOWN ? bind_cast(binder, node, type_plain(TYPE_TEXT), CAST_IMPLICIT) : node;
}

int bind_ordered(struct binder *binder, const struct node *node, const char *what, int32_t location)
{
  if (type_is_ordered(node->type.id))
    return 0;
  int status = bind_error(binder, location, SQLSTATE_UNDEFINED_FUNCTION, "could not identify %s for type %s", what,
                          BIND_TYPE_NAME(binder, node->type.id));
  if (strcmp(what, ORDERING_OPERATOR) == 0)
    error_hint(binder->error, "Use an explicit ordering operator or modify the query.");
  return status;
}

struct node *bind_boolean(struct binder *binder, struct node *node, const char *what)
{
  const struct function *function;
  if (node->type.id == TYPE_BOOLEAN)
    return node;
  if (!cast_find(node->type.id, TYPE_BOOLEAN, CAST_ASSIGNMENT, &function))
    return bind_fail(binder, node->position, SQLSTATE_DATATYPE_MISMATCH,
                     "argument of %s must be type boolean, not type %s", what, BIND_TYPE_NAME(binder, node->type.id));
  return bind_cast(binder, node, type_plain(TYPE_BOOLEAN), CAST_ASSIGNMENT);
}

int bind_common(struct binder *binder, struct node **nodes, int count, const char *what, struct type *type)
{
  error_clear(binder->error);
  *type = nodes[0]->type;
  enum type_id id;
  if (type_common((const struct node *const *)nodes, count, what, &binder->types.types, &id, binder->error))
    return bind_error_from(binder, nodes[0]->position);
  for (int i = 0; i < count; i++)
    if (nodes[i]->type.id != id || nodes[i]->type.modifier != type->modifier)
      *type = type_plain(id);
  for (int i = 0; i < count; i++) {
    const struct function *function;
    if (!cast_find(nodes[i]->type.id, id, CAST_IMPLICIT, &function))
      return bind_error(binder, nodes[i]->position, SQLSTATE_CANNOT_COERCE, "%s could not convert type %s to %s", what,
                        BIND_TYPE_NAME(binder, nodes[i]->type.id), BIND_TYPE_NAME(binder, id));
    nodes[i] = bind_cast(binder, nodes[i], type_plain(id), CAST_IMPLICIT);
    if (!nodes[i])
      return binder->error->status;
  }
  return 0;
}

struct node *bind_assign(struct binder *binder, struct node *node, const struct relation *relation, int column)
{
  const struct column *target = &relation->schema.columns[column];
  const struct function *function;
  if (!cast_find(node->type.id, target->type.id, CAST_ASSIGNMENT, &function)) {
    const struct bind_input *input = binder->input;
    const struct relation *domain = target->domain ? catalog_find_oid(input->catalog, input->version, target->domain) : NULL;
    bind_fail(binder, node->position, SQLSTATE_DATATYPE_MISMATCH,
              "column \"%s\" is of type %s but expression is of type %s", target->name,
              domain ? domain->name : BIND_TYPE_NAME(binder, target->type.id), BIND_TYPE_NAME(binder, node->type.id));
    error_hint(binder->error, "You will need to rewrite or cast the expression.");
    return NULL;
  }
  return bind_cast(binder, node, target->type, CAST_ASSIGNMENT);
}

struct node *bind_node(struct binder *binder, enum node_kind kind, struct type type, int32_t location,
                       struct node **arguments, int count)
{
  struct node *node = node_new(binder->arena, kind, type, location, arguments, count);
  return node ? node : bind_memory(binder);
}

struct node *bind_not(struct binder *binder, struct node *node, int32_t location)
{
  return bind_node(binder, NODE_NOT, type_plain(TYPE_BOOLEAN), location, &node, 1);
}

// Functions that look at the catalog through the session's hook, by the manner of their names.
static bool reads_catalog(const char *name)
{
  static const char *const names[] = {"format_type",
                                      "obj_description",
                                      "col_description",
                                      "shobj_description",
                                      "has_table_privilege",
                                      "has_schema_privilege",
                                      "has_database_privilege",
                                      "has_column_privilege",
                                      "current_schemas",
                                      "to_regclass",
                                      "to_regproc",
                                      "regprocin",
                                      "to_regtype",
                                      "to_regnamespace",
                                      "to_regrole",
                                      "regclassin",
                                      "regtypein",
                                      "regnamespacein",
                                      "regrolein",
                                      "regclass",
                                      "regtype",
                                      "regproc",
                                      "regnamespace",
                                      "regrole",
                                      "quern_watermark",
                                      NULL};
  for (const char *const *known = names; *known; known++)
    if (strcmp(name, *known) == 0)
      return true;
  return strncmp(name, "pg_", 3) == 0 && strcmp(name, "pg_notify") != 0;
}

static bool draws_numbers(const char *name)
{
  return strcmp(name, "nextval") == 0 || strcmp(name, "currval") == 0 || strcmp(name, "lastval") == 0 ||
         strcmp(name, "setval") == 0;
}

static void mark_function(struct binder *binder, const struct function *function)
{
  struct statement *statement = binder->statement;
  statement->is_volatile |= function->volatility == FUNCTION_KEPT || function->volatility == FUNCTION_ONCE;
  statement->acts_once |= function->volatility == FUNCTION_ONCE;
  statement->reads_system |= !function->is_operator && reads_catalog(function->name);
  statement->draws_numbers |= !function->is_operator && draws_numbers(function->name);
  statement->notifies |= !function->is_operator && strcmp(function->name, "pg_notify") == 0;
}

// A function of an enum has two arguments more: all values of the enum, and its name.
static bool add_enum(struct binder *binder, enum type_id type, struct node **arguments, int *count)
{
  const struct enum_type *of = binder->types.types.find(&binder->types, type_oid(type));
  char *name = bind_copy(binder, BIND_TYPE_NAME(binder, type));
  struct value values;
  if (!of)
    (void)bind_error(binder, -1, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(type));
  if (!of || !name || enum_all(type, of, binder->arena, &values, binder->error))
    return false;
  struct node *all = node_constant(binder->arena, type_plain(type_array(type)), values, -1);
  struct node *shown = node_constant(binder->arena, type_plain(TYPE_TEXT), value_string(name), -1);
  arguments[(*count)++] = all;
  arguments[(*count)++] = shown;
  return all && shown ? true : bind_memory(binder) != NULL;
}

struct node *bind_call(struct binder *binder, const char *name, bool is_operator, struct node **arguments, int count,
                       int32_t location)
{
  enum type_id *given = ARENA_ARRAY(binder->arena, enum type_id, 2 * count + 1), *wanted = given + count, result;
  struct node **cast = ARENA_ARRAY(binder->arena, struct node *, count + 2);
  if (!given || !cast)
    return bind_memory(binder);
  for (int i = 0; i < count; i++)
    given[i] = arguments[i]->type.id;
  const struct function *function;
  error_clear(binder->error);
  if (function_resolve(name, is_operator, given, count, &binder->types.types, &function, binder->error)) {
    bind_error_from(binder, location);
    return NULL;
  }
  if (function_types(function, given, count, wanted, &result, binder->error))
    return NULL;
  if (is_operator && function->arguments[0] == TYPE_ANY_ARRAY && !type_is_ordered(wanted[0]))
    return bind_fail(binder, -1, SQLSTATE_UNDEFINED_FUNCTION, "could not identify %s for type %s",
                     strchr("<>", name[0]) && !strchr(name, '@') && strcmp(name, "<>") != 0 ? COMPARISON_FUNCTION
                                                                                            : EQUALITY_OPERATOR,
                     BIND_TYPE_NAME(binder, type_element(wanted[0])));
  for (int i = 0; i < count; i++) {
    cast[i] = arguments[i];
    if (wanted[i] != given[i])
      cast[i] = bind_cast(binder, arguments[i], type_plain(wanted[i]), CAST_IMPLICIT);
    else if (given[i] == TYPE_UNKNOWN)
      cast[i] = bind_known(binder, arguments[i]);
    if (!cast[i])
      return NULL;
  }
  mark_function(binder, function);
  if (!is_operator && function->arguments[0] == TYPE_ANY_ENUM && !add_enum(binder, wanted[0], cast, &count))
    return NULL;
  struct node *node = bind_node(binder, NODE_CALL, type_plain(result), location, cast, count);
  if (!node)
    return NULL;
  node->function = function;
  if (!is_operator && function->result == TYPE_ANY_ELEMENT && function->arguments[0] == TYPE_ANY_ELEMENT &&
      type_is_composite(result)) {
    if (types_keep(result, &binder->types.types, binder->arena, &node->types, binder->error))
      return NULL;
  }
  return node;
}

struct node *bind_operator(struct binder *binder, const char *name, struct node *left, struct node *right,
                           int32_t location)
{
  if (strcmp(name, "!=") == 0)
    name = "<>";
  struct node *arguments[] = {left ? left : right, right};
  return bind_call(binder, name, true, arguments, left ? 2 : 1, location);
}
