// Expressions of definitions that must hang on the row alone: of indexes and their predicates.
//
// Their text is what PostgreSQL shows of them where that means the same when it is read again (constants stand in it as they
// were understood), and otherwise what was written.
#include <stdio.h>

#include "expr/function.h"
#include "sql/binder.h"
#include "sql/plan_node.h"
#include "sql/utility_internal.h"

// What settings have a say in, though the functions count as pure elsewhere: they are the same throughout a session's plan.
static bool hangs_on_settings(const struct function *function)
{
  static const char *const names[] = {"to_char", "to_date", "convert_from", "convert_to", NULL};
  for (const char *const *name = names; *name; name++)
    if (strcmp(function->name, *name) == 0)
      return true;
  enum type_id from = function->argument_count == 1 ? function->arguments[0] : TYPE_UNKNOWN;
  return strcmp(function->name, "text") == 0 && (from == TYPE_TIMESTAMP || from == TYPE_DATE || from == TYPE_INTERVAL);
}

static bool is_pure(const struct node *node, void *context)
{
  (void)context;
  if (node->kind != NODE_CALL && node->kind != NODE_ARRAY_TEST)
    return true;
  return node->function->volatility == FUNCTION_PURE && !hangs_on_settings(node->function);
}

static struct bind_input bind_of(const struct utility_input *input, enum expression_place place)
{
  return (struct bind_input){.catalog = input->catalog,
                             .version = input->writer->version,
                             .settings = input->settings,
                             .text = input->text,
                             .place = place,
                             .arena = input->arena};
}

static int text_of(const struct utility_input *input, const struct relation *definition, const PgQuery__Node *tree,
                   struct type want, struct defined *defined, struct error *error)
{
  struct bind_input bind = bind_of(input, PLACE_DEFINITION);
  struct error ignored;
  struct node *again;
  defined->shown = node_deparse_row(definition, defined->node, input->arena);
  if (!defined->shown)
    return error_memory(error);
  defined->text = defined->shown;
  if (bind_expression(&bind, definition, defined->shown, want, &again, &ignored) == 0 && again->type.id == defined->node->type.id &&
      node_equal_over(again, 0, defined->node))
    return types_numbered(input, false, &defined->text, error);
  int status = bind_deparse(tree, input->arena, &defined->text, error);
  return status ? status : types_numbered(input, false, &defined->text, error);
}

int definition_expression(const struct utility_input *input, const struct relation *definition, const PgQuery__Node *tree,
                          enum expression_place place, struct defined *defined, struct error *error)
{
  static const char *const immutable[] = {
      [PLACE_DEFINITION] = "functions in a definition must be marked IMMUTABLE",
      [PLACE_INDEX] = "functions in index expression must be marked IMMUTABLE",
      [PLACE_PREDICATE] = "functions in index predicate must be marked IMMUTABLE",
      [PLACE_GENERATED] = "generation expression is not immutable",
  };
  struct bind_input bind = bind_of(input, place);
  struct type want = type_plain(TYPE_UNKNOWN);
  struct node *node;
  int status = bind_expression_tree(&bind, definition, tree, type_plain(TYPE_UNKNOWN), &node, error);
  if (!status && place == PLACE_PREDICATE && node->type.id != TYPE_BOOLEAN && node->type.id != TYPE_UNKNOWN)
    status = utility_error(input, error, bind_location(tree), SQLSTATE_DATATYPE_MISMATCH,
                           "argument of WHERE must be type boolean, not type %s", type_info(node->type.id)->name);
  if (!status && node->type.id == TYPE_UNKNOWN) {
    want = defined->type;
    status = bind_expression_tree(&bind, definition, tree, want, &node, error);
  }
  if (!status && place == PLACE_GENERATED)
    status = generated_check(input, definition, node, error);
  if (status)
    return status;
  if (!node_walk(node, is_pure, NULL))
    return error_set(error, SQLSTATE_INVALID_OBJECT_DEFINITION, "%s", immutable[place]);
  *defined = (struct defined){.node = node, .type = node->type};
  return text_of(input, definition, tree, want, defined, error);
}

int definition_add_expression(const struct utility_input *input, struct relation *definition, const struct defined *defined,
                              const char *name, uint16_t *number, struct error *error)
{
  int columns = definition->schema.column_count, count = definition->expression_count;
  for (int i = 0; i < count; i++)
    if (strcmp(definition->expressions[i].text, defined->text) == 0 &&
        definition->schema.columns[columns + i].type.id == defined->type.id) {
      *number = (uint16_t)(columns + i);
      return 0;
    }
  if (columns + count >= UINT16_MAX)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "\"%s\" has too many index expressions", definition->name);
  struct column *grown = ARENA_ARRAY(input->arena, struct column, columns + count + 1);
  struct expression_text *expressions = ARENA_ARRAY(input->arena, struct expression_text, count + 1);
  if (!grown || !expressions)
    return error_memory(error);
  if (columns + count)
    memcpy(grown, definition->schema.columns, sizeof *grown * (size_t)(columns + count));
  if (count)
    memcpy(expressions, definition->expressions, sizeof *expressions * (size_t)count);
  struct column *column = &grown[columns + count];
  snprintf(column->name, sizeof column->name, "%s", name);
  column->type = defined->type;
  expressions[count] = (struct expression_text){.text = defined->text, .shown = defined->shown};
  definition->schema.columns = grown;
  definition->expressions = expressions;
  definition->expression_count++;
  *number = (uint16_t)(columns + count);
  return 0;
}

static int generated_bind(const struct utility_input *input, struct relation *definition, int column, struct error *error)
{
  struct bind_input bind = bind_of(input, PLACE_GENERATED);
  struct expression_text *own = &definition->defaults[column];
  struct node *node;
  int status = bind_expression(&bind, definition, own->text, type_plain(TYPE_UNKNOWN), &node, error);
  if (!status && !(own->shown = node_deparse_row(definition, node, input->arena)))
    status = error_memory(error);
  return status;
}

int expressions_bind(const struct utility_input *input, struct relation *definition, struct error *error)
{
  struct bind_input bind = bind_of(input, PLACE_INDEX);
  int status = 0;
  for (int i = 0; i < definition->schema.column_count && definition->has_generated && !status; i++)
    if (definition->schema.columns[i].is_generated)
      status = generated_bind(input, definition, i, error);
  for (int i = 0; i < definition->expression_count && !status; i++) {
    struct expression_text *expression = &definition->expressions[i];
    struct node *node;
    status = bind_expression(&bind, definition, expression->text, type_plain(TYPE_UNKNOWN), &node, error);
    if (status)
      return status;
    if (!node_walk(node, is_pure, NULL))
      return error_set(error, SQLSTATE_INVALID_OBJECT_DEFINITION, "functions in index expression must be marked IMMUTABLE");
    if (node->type.id != TYPE_UNKNOWN)
      definition->schema.columns[definition->schema.column_count + i].type = node->type;
    expression->shown = node_deparse_row(definition, node, input->arena);
    status = expression->shown ? index_type_check(input, node->type.id == TYPE_UNKNOWN ? TYPE_TEXT : node->type.id, error)
                               : error_memory(error);
  }
  return status;
}
