// Which index ON CONFLICT asks: by the name of a constraint, or by what the index is over.
#include "sql/binder.h"
#include "sql/plan_node.h"

// What the statement names: columns, expressions over the row, and clauses that a partial index's predicate follows from.
struct inference {
  int column_count, expression_count;
  int *columns;
  struct node **expressions;
  struct node *where; // NULL: none
};

static bool names_part(const struct inference *inference, const struct relation *relation, int column)
{
  bool is_expression = relation_is_expression(relation, column);
  const struct node *own = is_expression ? relation_expression(relation, column)->node : NULL;
  for (int i = 0; i < inference->column_count && !is_expression; i++)
    if (inference->columns[i] == column)
      return true;
  for (int i = 0; i < inference->expression_count && own; i++)
    if (node_equal(inference->expressions[i], own))
      return true;
  return false;
}

static bool has_part(const struct relation *relation, const struct index *index, int column, const struct node *expression)
{
  for (int i = 0; i < index->part_count; i++) {
    int own = index->parts[i].column;
    if (expression ? relation_is_expression(relation, own) && relation_expression(relation, own)->node &&
                         node_equal(relation_expression(relation, own)->node, expression)
                   : own == column)
      return true;
  }
  return false;
}

static bool index_fits(const struct relation *relation, const struct index *index, struct inference *inference)
{
  if (!index->is_unique && !index->is_primary)
    return false;
  bool fits = true;
  for (int i = 0; i < index->part_count && fits; i++)
    fits = names_part(inference, relation, index->parts[i].column);
  for (int i = 0; i < inference->column_count && fits; i++)
    fits = has_part(relation, index, inference->columns[i], NULL);
  for (int i = 0; i < inference->expression_count && fits; i++)
    fits = has_part(relation, index, -1, inference->expressions[i]);
  if (!fits || !index->is_partial)
    return fits;
  const struct node *predicate = relation_expression(relation, index->predicate)->node;
  return inference->where && predicate && clauses_imply(&inference->where, 1, 0, predicate);
}

static int named_column(struct binder *binder, const struct relation *relation, const PgQuery__InferClause *infer,
                        const char *name)
{
  int column = relation_column(binder->levels[0].relation, name);
  if (column < 0)
    return bind_error(binder, infer->location, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
  for (int i = 0; i + 1 < binder->level_count && column >= 0; i++)
    column = binder->levels[i].columns[column];
  return column >= 0 ? column : relation_width(relation); // a view's expression, which no index has
}

// An expression over the row of the relation, as the definitions of indexes have theirs.
static int over_row(struct binder *binder, const struct relation *relation, const PgQuery__Node *tree,
                    enum expression_place place, struct node **node)
{
  if (binder->level_count > 1)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "expressions in ON CONFLICT are not supported for views");
  struct bind_input input = *binder->input;
  struct type want = type_plain(place == PLACE_PREDICATE ? TYPE_BOOLEAN : TYPE_UNKNOWN);
  input.place = place;
  input.arena = binder->arena;
  return bind_expression_tree(&input, relation, tree, want, node, binder->error);
}

static int infer(struct binder *binder, const struct relation *relation, const PgQuery__InferClause *clause,
                 struct inference *inference)
{
  size_t count = clause->n_index_elems;
  int status = 0;
  inference->columns = ARENA_ARRAY(binder->arena, int, count + 1);
  inference->expressions = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!inference->columns || !inference->expressions)
    return error_memory(binder->error);
  for (size_t i = 0; i < count && !status; i++) {
    const PgQuery__IndexElem *element = clause->index_elems[i]->index_elem;
    struct node *node = NULL;
    int column = -1;
    if (element->expr)
      status = over_row(binder, relation, element->expr, PLACE_INDEX, &node);
    else
      status = (column = named_column(binder, relation, clause, element->name)) < 0 ? column : 0;
    if (!status && node && node->kind != NODE_COLUMN)
      inference->expressions[inference->expression_count++] = node;
    else if (!status)
      inference->columns[inference->column_count++] = node ? node->column : column;
  }
  if (!status && clause->where_clause)
    status = over_row(binder, relation, clause->where_clause, PLACE_PREDICATE, &inference->where);
  return status;
}

int bind_arbiter(struct binder *binder, const struct relation *relation, const PgQuery__OnConflictClause *clause,
                 int *arbiter)
{
  const PgQuery__InferClause *named = clause->infer;
  struct inference inference = {0};
  *arbiter = -1;
  if (!named) {
    if (clause->action != PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
      return 0;
    int status = bind_error(binder, clause->location, SQLSTATE_SYNTAX_ERROR,
                            "ON CONFLICT DO UPDATE requires inference specification or constraint name");
    error_hint(binder->error, "For example, ON CONFLICT (column_name).");
    return status;
  }
  if (named->conname && named->conname[0]) {
    for (int i = 0; i < relation->index_count && binder->level_count == 1; i++)
      if (strcmp(relation->indexes[i].name, named->conname) == 0 && relation->indexes[i].is_constraint)
        *arbiter = i;
    return *arbiter >= 0 ? 0
                         : bind_error(binder, -1, SQLSTATE_UNDEFINED_OBJECT,
                                      "constraint \"%s\" for table \"%s\" does not exist", named->conname,
                                      binder->levels[0].relation->name);
  }
  int status = infer(binder, relation, named, &inference);
  for (int i = 0; i < relation->index_count && !status && *arbiter < 0; i++)
    if (index_fits(relation, &relation->indexes[i], &inference))
      *arbiter = i;
  if (status || *arbiter >= 0)
    return status;
  return bind_error(binder, -1, SQLSTATE_INVALID_COLUMN_REFERENCE,
                    "there is no unique or exclusion constraint matching the ON CONFLICT specification");
}
