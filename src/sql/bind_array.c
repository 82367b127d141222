// Arrays in expressions: ARRAY[…], subscripts and slices, and a value against all elements of an array.
#include "data/array.h"
#include "expr/array_node.h"
#include "sql/binder.h"

// --- ARRAY[…] ----------------------------------------------------------------------------------------

// One member, and whether it is an array itself.
static struct node *bind_member(struct binder *binder, struct scope *scope, const PgQuery__Node *tree,
                                const struct type *wanted, bool *is_array)
{
  struct node *node;
  if (tree->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR) {
    if (!bind_enter(binder, tree->a_array_expr->location))
      return NULL;
    node = bind_array(binder, scope, tree->a_array_expr, wanted);
    binder->depth--;
  } else {
    node = bind_expr(binder, scope, tree);
  }
  *is_array |= node && type_is_array(node->type.id);
  return node;
}

// All members become the type that was asked for.
static int cast_members(struct binder *binder, struct node **nodes, int count, struct type type)
{
  for (int i = 0; i < count; i++) {
    const struct function *function;
    if (!cast_find(nodes[i]->type.id, type.id, CAST_EXPLICIT, &function))
      return bind_error(binder, nodes[i]->position, SQLSTATE_CANNOT_COERCE, "cannot cast type %s to %s",
                        BIND_TYPE_NAME(binder, nodes[i]->type.id), BIND_TYPE_NAME(binder, type.id));
    if (!(nodes[i] = bind_cast(binder, nodes[i], type, CAST_EXPLICIT)))
      return binder->error->status;
  }
  return 0;
}

static struct node *no_type(struct binder *binder, int32_t location)
{
  bind_fail(binder, location, SQLSTATE_INDETERMINATE_DATATYPE, "cannot determine type of empty array");
  error_hint(binder->error, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
  return NULL;
}

struct node *bind_array(struct binder *binder, struct scope *scope, const PgQuery__AArrayExpr *tree,
                        const struct type *wanted)
{
  int count = (int)tree->n_elements;
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  bool of_arrays = false;
  if (!nodes)
    return bind_memory(binder);
  for (int i = 0; i < count; i++)
    if (!(nodes[i] = bind_member(binder, scope, tree->elements[i], wanted, &of_arrays)))
      return NULL;
  if (!wanted && !count)
    return no_type(binder, tree->location);
  struct type type;
  if (wanted) {
    struct type element = {.id = type_element(wanted->id), .modifier = wanted->modifier};
    type = type_plain(wanted->id);
    if (cast_members(binder, nodes, count, of_arrays ? *wanted : element))
      return NULL;
  } else {
    if (bind_common(binder, nodes, count, "ARRAY", &type))
      return NULL;
    enum type_id element = type.id;
    type.id = type_is_array(element) ? element : type_array(element);
    if (type.id == TYPE_COUNT)
      return bind_fail(binder, tree->location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %s",
                       BIND_TYPE_NAME(binder, element));
  }
  struct node *node = bind_node(binder, NODE_CALL, type, tree->location, nodes, count);
  if (node)
    node->function = &array_make_function;
  return node;
}

// --- Subscripts --------------------------------------------------------------------------------------

// [i], or [l:u] of some dimension: then all are slices, and [i] is [1:i].
struct subscripts {
  bool is_slice;
  int64_t mask; // of a slice: which bounds are there
  struct node *nodes[2 * ARRAY_DIMENSIONS];
  int count; // of nodes
};

static struct node *integer_node(struct binder *binder, int64_t value)
{
  struct node *node = node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(value), -1);
  return node ? node : bind_memory(binder);
}

static struct node *bind_subscript(struct binder *binder, struct scope *scope, const PgQuery__Node *tree)
{
  const struct function *function;
  struct node *node = bind_expr(binder, scope, tree);
  if (node && !cast_find(node->type.id, TYPE_INT4, CAST_ASSIGNMENT, &function))
    return bind_fail(binder, node->position, SQLSTATE_DATATYPE_MISMATCH, "array subscript must have type integer");
  return node ? bind_cast(binder, node, type_plain(TYPE_INT4), CAST_ASSIGNMENT) : NULL;
}

static int bind_bounds(struct binder *binder, struct scope *scope, const PgQuery__AIndices *tree,
                       struct subscripts *subscripts)
{
  struct node *lower = NULL, *upper = NULL;
  if (tree->lidx && !(lower = bind_subscript(binder, scope, tree->lidx)))
    return binder->error->status;
  if (tree->uidx && !(upper = bind_subscript(binder, scope, tree->uidx)))
    return binder->error->status;
  if (!subscripts->is_slice) {
    subscripts->nodes[subscripts->count++] = upper;
    return 0;
  }
  bool has_lower = lower || !tree->is_slice, has_upper = upper != NULL;
  subscripts->mask |= (int64_t)(has_lower | has_upper << 1) << subscripts->count;
  if (!lower && !(lower = integer_node(binder, 1)))
    return binder->error->status;
  if (!upper && !(upper = integer_node(binder, 0)))
    return binder->error->status;
  subscripts->nodes[subscripts->count++] = lower;
  subscripts->nodes[subscripts->count++] = upper;
  return 0;
}

static int bind_subscripts(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count,
                           int32_t location, struct subscripts *subscripts)
{
  *subscripts = (struct subscripts){0};
  for (size_t i = 0; i < count; i++) {
    if (trees[i]->node_case != PG_QUERY__NODE__NODE_A_INDICES)
      return bind_error(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "columns of a row value are not supported");
    subscripts->is_slice |= trees[i]->a_indices->is_slice;
  }
  if (count > ARRAY_DIMENSIONS) {
    error_clear(binder->error);
    return array_too_many_dimensions((int)count, binder->error);
  }
  int status = 0;
  for (size_t i = 0; i < count && !status; i++)
    status = bind_bounds(binder, scope, trees[i]->a_indices, subscripts);
  return status;
}

// A call with the arguments that come first, and the subscripts.
static struct node *subscript_call(struct binder *binder, const struct function *function, struct type type,
                                   struct node *const *first, int first_count, const struct subscripts *subscripts)
{
  struct node *arguments[3 + 2 * ARRAY_DIMENSIONS];
  int count = 0;
  for (int i = 0; i < first_count; i++)
    arguments[count++] = first[i];
  if (subscripts->is_slice && !(arguments[count++] = integer_node(binder, subscripts->mask)))
    return NULL;
  for (int i = 0; i < subscripts->count; i++)
    arguments[count++] = subscripts->nodes[i];
  struct node *node = bind_node(binder, NODE_CALL, type, first[0]->position, arguments, count);
  if (node)
    node->function = function;
  return node;
}

struct node *bind_array_subscript(struct binder *binder, struct scope *scope, struct node *array,
                                  PgQuery__Node **trees, size_t count)
{
  struct subscripts subscripts;
  if (bind_subscripts(binder, scope, trees, count, array->position, &subscripts))
    return NULL;
  struct type element = {.id = type_element(array->type.id), .modifier = array->type.modifier};
  return subscripts.is_slice ? subscript_call(binder, &array_slice_function, array->type, &array, 1, &subscripts)
                             : subscript_call(binder, &array_element_function, element, &array, 1, &subscripts);
}

// The value, cast to what the column's subscripts say of an array of this type.
static struct node *cast_part(struct binder *binder, const PgQuery__ResTarget *place, bool is_slice, struct type array,
                              struct node *value)
{
  struct type type = {.id = is_slice ? array.id : type_element(array.id), .modifier = array.modifier};
  const struct function *function;
  if (cast_find(value->type.id, type.id, CAST_ASSIGNMENT, &function))
    return bind_cast(binder, value, type, CAST_ASSIGNMENT);
  bind_fail(binder, place->location, SQLSTATE_DATATYPE_MISMATCH,
            "subscripted assignment to \"%s\" requires type %s but expression is of type %s", place->name,
            BIND_TYPE_NAME(binder, type.id), BIND_TYPE_NAME(binder, value->type.id));
  error_hint(binder->error, "You will need to rewrite or cast the expression.");
  return NULL;
}

static bool is_array_place(struct binder *binder, struct type type, int32_t location)
{
  if (type_is_array(type.id))
    return true;
  bind_fail(binder, location, SQLSTATE_DATATYPE_MISMATCH,
            "cannot subscript type %s because it does not support subscripting", BIND_TYPE_NAME(binder, type.id));
  return false;
}

struct node *bind_array_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                             struct type array, struct node *value)
{
  struct subscripts subscripts;
  if (!is_array_place(binder, array, -1) ||
      bind_subscripts(binder, scope, place->indirection, place->n_indirection, -1, &subscripts))
    return NULL;
  return cast_part(binder, place, subscripts.is_slice, array, value);
}

struct node *bind_array_assignment(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                                   struct node *array, struct node *value)
{
  struct subscripts subscripts;
  if (!is_array_place(binder, array->type, place->location) ||
      bind_subscripts(binder, scope, place->indirection, place->n_indirection, -1, &subscripts))
    return NULL;
  if (!(value = cast_part(binder, place, subscripts.is_slice, array->type, value)))
    return NULL;
  struct node *first[2] = {array, value};
  return subscript_call(binder, subscripts.is_slice ? &array_assign_slice_function : &array_assign_function,
                        array->type, first, 2, &subscripts);
}

// --- ANY and ALL -------------------------------------------------------------------------------------

// = ANY (ARRAY[…]) and <> ALL (ARRAY[…]) of what is no array: lists, as IN has them.
static struct node *as_list(struct binder *binder, const char *name, struct node *left, struct node *array, bool is_all,
                            int32_t location)
{
  if (strcmp(name, is_all ? "<>" : "=") != 0 || array->kind != NODE_CALL || array->function != &array_make_function ||
      array->argument_count == 0 || array->arguments[0]->type.id != left->type.id)
    return NULL;
  int count = array->argument_count + 1;
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, count);
  if (!nodes)
    return bind_memory(binder);
  nodes[0] = left;
  memcpy(nodes + 1, array->arguments, sizeof *nodes * (size_t)array->argument_count);
  struct node *node = bind_node(binder, NODE_IN_LIST, type_plain(TYPE_BOOLEAN), location, nodes, count);
  if (node)
    node->negated = is_all;
  return node;
}

// The array as one of what the operator wants on its right.
static struct node *cast_array(struct binder *binder, struct node *array, enum type_id wanted, int32_t location)
{
  enum type_id type = type_array(wanted);
  if (type == TYPE_COUNT)
    return bind_fail(binder, location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %s",
                     BIND_TYPE_NAME(binder, wanted));
  return array->type.id == type ? array : bind_cast(binder, array, type_plain(type), CAST_IMPLICIT);
}

struct node *bind_array_test(struct binder *binder, const char *name, struct node *left, struct node *array,
                             bool is_all, int32_t location)
{
  enum type_id given[2] = {left->type.id, TYPE_UNKNOWN}, wanted[2], result;
  const struct function *function;
  if (array->type.id != TYPE_UNKNOWN && !type_is_array(array->type.id))
    return bind_fail(binder, location, SQLSTATE_WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires array on right side");
  if (array->type.id != TYPE_UNKNOWN)
    given[1] = type_element(array->type.id);
  if (strcmp(name, "!=") == 0)
    name = "<>";
  error_clear(binder->error);
  if (function_resolve(name, true, given, 2, &binder->types.types, &function, binder->error) ||
      function_types(function, given, 2, wanted, &result, binder->error)) {
    bind_error_from(binder, location);
    return NULL;
  }
  if (result != TYPE_BOOLEAN)
    return bind_fail(binder, location, SQLSTATE_WRONG_OBJECT_TYPE,
                     "op ANY/ALL (array) requires operator to yield boolean");
  if (wanted[0] != left->type.id && !(left = bind_cast(binder, left, type_plain(wanted[0]), CAST_IMPLICIT)))
    return NULL;
  if (!(array = cast_array(binder, array, wanted[1], location)))
    return NULL;
  error_clear(binder->error);
  struct node *list = as_list(binder, name, left, array, is_all, location);
  if (list || binder->error->status)
    return list;
  struct node *pair[2] = {left, array};
  struct node *node = bind_node(binder, NODE_ARRAY_TEST, type_plain(TYPE_BOOLEAN), location, pair, 2);
  if (!node)
    return NULL;
  node->function = function;
  node->negated = is_all;
  return node;
}
