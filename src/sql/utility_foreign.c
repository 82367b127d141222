// FOREIGN KEY, the DEFERRABLE attributes of constraints, and SET CONSTRAINTS.
//
// A foreign key is added to a table that is there already, as ALTER TABLE does: CREATE TABLE adds its own when it is made,
// so that one may name the table itself.
#include <stdio.h>

#include "sql/utility_internal.h"

enum { LIMIT_FOREIGN_COLUMNS = 32 };

// --- DEFERRABLE, INITIALLY … ------------------------------------------------------------------------------

// They stand behind a column's constraint as constraints of their own.
static int take_attribute(const struct utility_input *input, const PgQuery__Constraint *attribute,
                          PgQuery__Constraint *merged, bool *saw_deferrable, bool *saw_initially, struct error *error)
{
  PgQuery__ConstrType type = attribute->contype;
  bool is_initially =
      type == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED || type == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE;
  bool is_deferred = type == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED;
  bool is_not = type == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE;
  if (is_initially ? *saw_initially : *saw_deferrable)
    return utility_error(input, error, attribute->location, SQLSTATE_SYNTAX_ERROR, "multiple %s clauses not allowed",
                         is_initially ? "INITIALLY IMMEDIATE/DEFERRED" : "DEFERRABLE/NOT DEFERRABLE");
  if ((is_deferred && *saw_deferrable && !merged->deferrable) || (is_not && merged->initdeferred))
    return utility_error(input, error, attribute->location, SQLSTATE_SYNTAX_ERROR,
                         "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
  if (is_initially)
    *saw_initially = true;
  else
    *saw_deferrable = true;
  if (is_deferred)
    merged->initdeferred = merged->deferrable = true;
  else if (!is_initially)
    merged->deferrable = !is_not;
  return 0;
}

static bool is_attribute(const PgQuery__Constraint *constraint)
{
  return constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE ||
         constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE ||
         constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED ||
         constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE;
}

static bool takes_attributes(const PgQuery__Constraint *constraint)
{
  return constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY ||
         constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE ||
         constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;
}

static const char *attribute_name(const PgQuery__Constraint *attribute)
{
  switch (attribute->contype) {
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE: return "DEFERRABLE";
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE: return "NOT DEFERRABLE";
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED: return "INITIALLY DEFERRED";
  default: return "INITIALLY IMMEDIATE";
  }
}

int constraint_of_column(const struct utility_input *input, const PgQuery__ColumnDef *column, size_t number,
                         PgQuery__Constraint *merged, struct error *error)
{
  *merged = *column->constraints[number]->constraint;
  if (is_attribute(merged)) {
    size_t owner = number; // the constraint before it that is not one
    while (owner > 0 && is_attribute(column->constraints[owner]->constraint))
      owner--;
    if (takes_attributes(column->constraints[owner]->constraint))
      return 0;
    return utility_error(input, error, merged->location, SQLSTATE_SYNTAX_ERROR, "misplaced %s clause",
                         attribute_name(merged));
  }
  bool saw_deferrable = false, saw_initially = false;
  int status = 0;
  for (size_t i = number + 1; takes_attributes(merged) && i < column->n_constraints && !status; i++) {
    if (!is_attribute(column->constraints[i]->constraint))
      break;
    status = take_attribute(input, column->constraints[i]->constraint, merged, &saw_deferrable, &saw_initially, error);
  }
  return status;
}

// --- Columns ------------------------------------------------------------------------------------------------

static int column_numbers(const struct utility_input *input, const struct relation *relation, PgQuery__Node **names,
                          size_t count, uint16_t **columns, struct error *error)
{
  if (count > LIMIT_FOREIGN_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "cannot have more than %d keys in a foreign key",
                     LIMIT_FOREIGN_COLUMNS);
  *columns = ARENA_ARRAY(input->arena, uint16_t, count + 1);
  if (!*columns)
    return error_memory(error);
  for (size_t i = 0; i < count; i++) {
    int number = relation_column(relation, utility_string(names[i]));
    if (number < 0)
      return error_set(error, SQLSTATE_UNDEFINED_COLUMN,
                       "column \"%s\" referenced in foreign key constraint does not exist", utility_string(names[i]));
    (*columns)[i] = (uint16_t)number;
  }
  return 0;
}

static bool is_among(const uint16_t *columns, int count, uint16_t column)
{
  for (int i = 0; i < count; i++)
    if (columns[i] == column)
      return true;
  return false;
}

static int delete_columns(const struct utility_input *input, const struct relation *relation,
                          const PgQuery__Constraint *constraint, struct foreign_key *key, struct error *error)
{
  int status = column_numbers(input, relation, constraint->fk_del_set_cols, constraint->n_fk_del_set_cols,
                              &key->delete_columns, error);
  key->delete_column_count = (int)constraint->n_fk_del_set_cols;
  for (int i = 0; i < key->delete_column_count && !status; i++)
    if (!is_among(key->columns, key->part_count, key->delete_columns[i]))
      return error_set(error, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "column \"%s\" referenced in ON DELETE SET action must be part of foreign key",
                       relation->schema.columns[key->delete_columns[i]].name);
  return status;
}

static int deferrable_key(const struct relation *parent, const char *what, struct error *error)
{
  return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                   "cannot use a deferrable %s for referenced table \"%s\"", what, parent->name);
}

// No columns were named: the primary key's.
static int take_primary_key(const struct utility_input *input, const struct relation *parent, struct foreign_key *key,
                            int *count, struct error *error)
{
  const struct index *primary = NULL;
  for (int i = 0; i < parent->index_count; i++)
    if (index_is_primary_key(&parent->indexes[i]))
      primary = &parent->indexes[i];
  if (!primary)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "there is no primary key for referenced table \"%s\"",
                     parent->name);
  if (primary->is_deferrable)
    return deferrable_key(parent, "primary key", error);
  key->referenced_columns = ARENA_ARRAY(input->arena, uint16_t, primary->part_count);
  if (!key->referenced_columns)
    return error_memory(error);
  for (int i = 0; i < primary->part_count; i++)
    key->referenced_columns[i] = primary->parts[i].column;
  key->index_oid = primary->oid;
  *count = primary->part_count;
  return 0;
}

static bool is_over(const struct index *index, const uint16_t *columns, int count)
{
  if (!index->is_unique || index->part_count != count)
    return false;
  for (int i = 0; i < count; i++)
    if (!is_among(columns, count, index->parts[i].column))
      return false;
  return true;
}

static int find_index(const struct relation *parent, struct foreign_key *key, int count, struct error *error)
{
  bool is_deferrable = false;
  for (int i = 0; i < count; i++)
    if (is_among(key->referenced_columns, i, key->referenced_columns[i]))
      return error_set(error, SQLSTATE_INVALID_FOREIGN_KEY,
                       "foreign key referenced-columns list must not contain duplicates");
  for (int i = 0; i < parent->index_count && !key->index_oid; i++) {
    if (parent->indexes[i].is_computed || !is_over(&parent->indexes[i], key->referenced_columns, count))
      continue;
    is_deferrable |= parent->indexes[i].is_deferrable;
    if (!parent->indexes[i].is_deferrable)
      key->index_oid = parent->indexes[i].oid;
  }
  if (key->index_oid)
    return 0;
  if (is_deferrable)
    return deferrable_key(parent, "unique constraint", error);
  return error_set(error, SQLSTATE_INVALID_FOREIGN_KEY,
                   "there is no unique constraint matching given keys for referenced table \"%s\"", parent->name);
}

int foreign_key_check_types(const struct utility_input *input, const struct relation *child,
                            const struct relation *parent, const struct foreign_key *key, struct error *error)
{
  for (int i = 0; i < key->part_count; i++) {
    const struct column *from = &child->schema.columns[key->columns[i]];
    const struct column *to = &parent->schema.columns[key->referenced_columns[i]];
    if (foreign_key_types_fit(from->type.id, to->type.id))
      continue;
    int status =
        error_set(error, SQLSTATE_DATATYPE_MISMATCH, "foreign key constraint \"%s\" cannot be implemented", key->name);
    error_detail(error, "Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", from->name, to->name,
                 UTILITY_TYPE_NAME(input, from->type.id), UTILITY_TYPE_NAME(input, to->type.id));
    return status;
  }
  return 0;
}

// --- The constraint -----------------------------------------------------------------------------------------

static int name_key(const struct utility_input *input, const struct relation *definition,
                    const PgQuery__Constraint *constraint, struct foreign_key *key, struct error *error)
{
  if (utility_text_given(constraint->conname)) {
    snprintf(key->name, sizeof key->name, "%s", constraint->conname);
    if (!relation_has_constraint(definition, key->name))
      return 0;
    return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists",
                     key->name, definition->name);
  }
  struct key_part *parts = ARENA_ARRAY(input->arena, struct key_part, key->part_count);
  if (!parts)
    return error_memory(error);
  for (int i = 0; i < key->part_count; i++)
    parts[i].column = key->columns[i];
  struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
  char columns[64];
  name_columns(definition, parts, key->part_count, columns);
  name_make(&maker, definition->name, columns, "fkey", key->name);
  return 0;
}

static enum foreign_action action_of(const char *letter)
{
  return utility_text_given(letter) ? (enum foreign_action)(uint8_t)letter[0] : FOREIGN_NO_ACTION;
}

static int append_key(const struct utility_input *input, struct relation *definition, const struct foreign_key *key,
                      struct error *error)
{
  struct foreign_key *grown = ARENA_ARRAY(input->arena, struct foreign_key, definition->foreign_key_count + 1);
  if (!grown)
    return error_memory(error);
  if (definition->foreign_key_count == LIMIT_INDEXES)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a table can have at most %d foreign keys", LIMIT_INDEXES);
  if (definition->foreign_key_count)
    memcpy(grown, definition->foreign_keys, sizeof *grown * (size_t)definition->foreign_key_count);
  grown[definition->foreign_key_count++] = *key;
  definition->foreign_keys = grown;
  return 0;
}

static int find_parent(const struct utility_input *input, const PgQuery__RangeVar *name, const struct relation **parent,
                       struct error *error)
{
  int status = utility_find_for(input, name, NULL, RIGHT_REFERENCES, false, parent, error);
  if (status && error)
    error_position(error, 0);
  if (!status && (!(*parent)->tree || ((*parent)->kind != RELATION_TABLE && (*parent)->kind != RELATION_SOURCE)))
    status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "referenced relation \"%s\" is not a table", (*parent)->name);
  return status ? status : table_refuse_pending(input->writer, *parent, "ALTER TABLE");
}

int foreign_key_add(const struct utility_input *input, struct relation *definition,
                    const PgQuery__Constraint *constraint, const char *column, struct error *error)
{
  struct foreign_key key = {
      .is_full = constraint->fk_matchtype[0] == 'f',
      .on_delete = action_of(constraint->fk_del_action),
      .on_update = action_of(constraint->fk_upd_action),
      .is_deferrable = constraint->deferrable,
      .is_deferred = constraint->initdeferred,
      .is_not_valid = constraint->skip_validation,
  };
  const struct relation *parent;
  PgQuery__String name = PG_QUERY__STRING__INIT;
  PgQuery__Node node = PG_QUERY__NODE__INIT, *own = &node;
  name.sval = (char *)(uintptr_t)column;
  node.node_case = PG_QUERY__NODE__NODE_STRING;
  node.string = &name;
  if (!definition->tree)
    return utility_unsupported(input, error, constraint->location,
                               "foreign keys of a source without a primary key are");
  int status = utility_text_given(constraint->conname) ? name_key(input, definition, constraint, &key, error) : 0;
  if (!status)
    status = find_parent(input, constraint->pktable, &parent, error);
  key.part_count = column ? 1 : (int)constraint->n_fk_attrs;
  if (!status)
    status = column_numbers(input, definition, column ? &own : constraint->fk_attrs, (size_t)key.part_count,
                            &key.columns, error);
  if (!status)
    status = delete_columns(input, definition, constraint, &key, error);
  if (!status)
    status = generated_check_key(definition, &key, error);
  if (status)
    return status;
  if (relation_is_temporary(definition) != relation_is_temporary(parent))
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION,
                     relation_is_temporary(parent) ? "constraints on permanent tables may reference only permanent tables"
                                                   : "constraints on temporary tables may reference only temporary tables");
  key.referenced_oid = parent->oid;
  int count = (int)constraint->n_pk_attrs;
  if (!count)
    status = take_primary_key(input, parent, &key, &count, error);
  else
    status =
        column_numbers(input, parent, constraint->pk_attrs, constraint->n_pk_attrs, &key.referenced_columns, error);
  if (!status && !key.index_oid)
    status = find_index(parent, &key, count, error);
  if (!status && count != key.part_count)
    status = error_set(error, SQLSTATE_INVALID_FOREIGN_KEY,
                       "number of referencing and referenced columns for foreign key disagree");
  if (!status && !key.name[0])
    status = name_key(input, definition, constraint, &key, error);
  if (!status)
    status = foreign_key_check_types(input, definition, parent, &key, error);
  return status ? status : append_key(input, definition, &key, error);
}

int foreign_keys_create(const struct utility_input *input, const struct relation *made, PgQuery__Node **elements,
                        size_t count, struct error *error)
{
  struct relation *definition = NULL;
  int status = 0;
  for (size_t i = 0; i < count && !status; i++) {
    const PgQuery__ColumnDef *column =
        elements[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF ? elements[i]->column_def : NULL;
    size_t constraints = column ? column->n_constraints : elements[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT;
    for (size_t j = 0; j < constraints && !status; j++) {
      PgQuery__Constraint merged = *(column ? column->constraints[j] : elements[i])->constraint;
      if (merged.contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
        continue;
      merged.skip_validation = false; // there is no row yet
      if (column)
        status = constraint_of_column(input, column, j, &merged, error);
      if (!status && !definition && !(definition = catalog_copy(made, input->arena)))
        status = error_memory(error);
      if (!status)
        status = foreign_key_add(input, definition, &merged, column ? column->colname : NULL, error);
    }
  }
  return status || !definition ? status : catalog_replace(input->catalog, input->writer, definition, error);
}

// --- ALTER TABLE … ALTER CONSTRAINT, VALIDATE CONSTRAINT -------------------------------------------------------

static int find_key(struct relation *definition, const char *name, bool check_will_do, struct foreign_key **key,
                    struct error *error)
{
  *key = (struct foreign_key *)(uintptr_t)relation_foreign_key(definition, name);
  if (*key)
    return 0;
  if (!relation_has_constraint(definition, name))
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%s\" does not exist", name,
                     definition->name);
  for (int i = 0; i < definition->check_count && check_will_do; i++)
    if (strcmp(definition->checks[i].name, name) == 0)
      return 0; // it holds for all rows
  return error_set(error, SQLSTATE_WRONG_OBJECT_TYPE,
                   "constraint \"%s\" of relation \"%s\" is not a foreign key%s constraint", name, definition->name,
                   check_will_do ? " or check" : "");
}

int foreign_key_alter(struct relation *definition, const PgQuery__Constraint *command, struct error *error)
{
  struct foreign_key *key;
  int status = find_key(definition, command->conname, false, &key, error);
  if (status)
    return status;
  key->is_deferrable = command->deferrable;
  key->is_deferred = command->initdeferred;
  return 0;
}

int foreign_key_validate(const struct utility_input *input, struct relation *definition, const char *name,
                         struct error *error)
{
  struct foreign_key *key;
  int status = find_key(definition, name, true, &key, error);
  if (status || !key || !key->is_not_valid)
    return status;
  key->is_not_valid = false;
  return table_validate(input->writer, definition, key);
}

// --- SET CONSTRAINTS ----------------------------------------------------------------------------------------------

struct constraint_oids {
  uint32_t *oids;
  int count, capacity;
};

static int add_oid(const struct utility_input *input, struct constraint_oids *list, uint32_t oid, struct error *error)
{
  if (list->count == list->capacity) {
    int capacity = list->capacity ? 2 * list->capacity : 16;
    uint32_t *oids = ARENA_ARRAY(input->arena, uint32_t, capacity);
    if (!oids)
      return error_memory(error);
    if (list->count)
      memcpy(oids, list->oids, sizeof *oids * (size_t)list->count);
    list->oids = oids;
    list->capacity = capacity;
  }
  list->oids[list->count++] = oid;
  return 0;
}

// *found: the relation has a constraint of this name.
static int add_named(const struct utility_input *input, const struct relation *relation, const char *name,
                     bool deferred, struct constraint_oids *list, bool *found, struct error *error)
{
  uint32_t oid = 0;
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].is_constraint && strcmp(relation->indexes[i].name, name) == 0) {
      *found = true;
      oid = relation->indexes[i].is_deferrable ? relation->indexes[i].oid : 0;
    }
  const struct foreign_key *key = relation_foreign_key(relation, name);
  if (key) {
    *found = true;
    oid = key->is_deferrable ? key->oid : 0;
  }
  for (int i = 0; i < relation->check_count; i++)
    *found |= strcmp(relation->checks[i].name, name) == 0;
  if (!*found)
    return 0;
  if (!oid && deferred)
    return error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "constraint \"%s\" is not deferrable", name);
  return oid ? add_oid(input, list, oid, error) : 0;
}

// All constraints of the name in the first schema that has one.
static int find_constraints(const struct utility_input *input, const PgQuery__RangeVar *name, bool deferred,
                            struct constraint_oids *list, struct error *error)
{
  bool has_schema = utility_text_given(name->schemaname);
  uint32_t given = has_schema ? catalog_schema(input->catalog, input->writer->version, name->schemaname) : 0;
  if (has_schema && !given)
    return error_set(error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name->schemaname);
  int schemas = has_schema ? 1 : input->settings->search_path_count;
  for (int i = 0; i < schemas; i++) {
    uint32_t schema = has_schema ? given : input->settings->search_path[i], oid = 0;
    bool found = false;
    const struct relation *relation;
    while ((relation = catalog_next(input->catalog, input->writer->version, &oid))) {
      bool is_here = false;
      int status = relation->schema_oid == schema
                       ? add_named(input, relation, name->relname, deferred, list, &is_here, error)
                       : 0;
      if (status)
        return status;
      found |= is_here;
    }
    if (found)
      return 0;
  }
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" does not exist", name->relname);
}

int constraints_set(const struct utility_input *input, const PgQuery__ConstraintsSetStmt *set, struct error *error)
{
  struct constraint_oids list = {0};
  int status = 0;
  for (size_t i = 0; i < set->n_constraints && !status; i++)
    status = find_constraints(input, set->constraints[i]->range_var, set->deferred, &list, error);
  if (status || (set->n_constraints && !list.count)) // what cannot be deferred is immediate already
    return status;
  return table_set_constraints(input->writer, list.oids, list.count, set->deferred);
}
