// What a statement's role must be allowed to do, asked when all of it is bound: so that what does not exist is told first.
//
// 1. A table in FROM must be selected from, if only with one of its columns; columns that are named must each be allowed.
// 2. What stands in a view is asked of the view's owner, the view itself of who names it.
// 3. A changed table's columns are read only where an expression of the statement names them, or ON CONFLICT looks for them.
#include "sql/binder.h"
#include "table/right.h"

struct need {
  struct binder *binder;
  const struct relation *relation;
  struct right_object object;
  const struct range *range; // whose columns are read; NULL: those that are written
  const uint8_t *writes;     // NULL: none
  uint32_t role;
  uint32_t right;
};

static bool concerns(const struct need *need, int column)
{
  if (need->range)
    return column < need->range->column_count && need->range->columns[column].is_read;
  return need->writes && (need->writes[column] & need->right);
}

static int require(struct need *need)
{
  const struct bind_input *input = need->binder->input;
  uint32_t role = need->role;
  if (role == ROLE_OWNER)
    return 0;
  need->object = right_object_of(need->relation);
  if (rights_held(input->version, role, &need->object, -1, input->mark) & need->right)
    return 0;
  bool may_be_column = need->right & RIGHTS_OF_COLUMN, has_columns = false;
  for (int i = 0; i < need->relation->schema.column_count && may_be_column; i++)
    if (concerns(need, i)) {
      has_columns = true;
      may_be_column = rights_held(input->version, role, &need->object, i, input->mark) & need->right;
    }
  if (may_be_column && !has_columns)
    may_be_column = right_on_any_column(input->version, role, &need->object, need->right, input->mark);
  if (may_be_column)
    return 0;
  int status = relation_denied(need->relation, need->binder->error);
  error_position(need->binder->error, 0);
  return status;
}

static bool is_read(const struct range *range)
{
  for (int i = 0; i < range->column_count; i++)
    if (range->columns[i].is_read)
      return true;
  return false;
}

// Is the right on the changed table one that the statement uses?
static bool is_wanted(const struct statement *statement, uint32_t right)
{
  const struct modification *modification = statement->modification;
  for (int i = 0; i < modification->action_count; i++) {
    enum merge_kind kind = modification->actions[i].kind;
    if ((kind == MERGE_INSERT && right == RIGHT_INSERT) || (kind == MERGE_UPDATE && right == RIGHT_UPDATE) ||
        (kind == MERGE_DELETE && right == RIGHT_DELETE))
      return true;
  }
  switch (right) {
  case RIGHT_INSERT: return statement->kind == STATEMENT_INSERT;
  case RIGHT_DELETE: return statement->kind == STATEMENT_DELETE;
  case RIGHT_SELECT: return modification->conflict && modification->arbiter >= 0;
  default: return statement->kind == STATEMENT_UPDATE || modification->assignment_count > 0;
  }
}

int bind_check_rights(struct binder *binder)
{
  if (binder->input->without_rights)
    return 0;
  const struct statement *statement = binder->statement;
  const struct modification *modification = statement->modification;
  int status = 0;
  for (int i = 0; i < statement->range_count && !status; i++) {
    const struct range *range = &statement->ranges[i];
    const struct relation *relation = range->view ? range->view : range->relation;
    struct need need = {binder, .relation = relation, .range = range, .role = range->role, .right = RIGHT_SELECT};
    bool is_excluded = modification && modification->conflict && i == modification->excluded_range;
    if (relation && !is_excluded && (range->is_scanned || is_read(range)))
      status = require(&need);
    if (relation && range->is_locked && !status) {
      need.right = RIGHT_UPDATE;
      need.range = NULL;
      status = require(&need);
    }
  }
  static const uint32_t kinds[] = {RIGHT_INSERT, RIGHT_UPDATE, RIGHT_DELETE, RIGHT_SELECT};
  for (int l = 0; modification && l < binder->level_count; l++)
    for (int i = 0; i < 4 && !status; i++) {
      const struct changed_level *level = &binder->levels[l];
      struct need need = {binder, .relation = level->relation, .role = level->role, .right = kinds[i],
                          .writes = level->writes};
      if (is_wanted(statement, kinds[i]))
        status = require(&need);
    }
  return status;
}
