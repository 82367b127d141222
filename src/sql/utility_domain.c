// Domains: CREATE DOMAIN and ALTER DOMAIN.
//
// A domain's definition has one column, `value`, of the type that lies beneath it: VALUE in a check is a column like any
// other, and NOT NULL, default and checks are a table's.
#include <stdio.h>

#include "sql/utility_internal.h"

static int add_check(const struct utility_input *input, struct relation *definition,
                     const PgQuery__Constraint *constraint, struct error *error)
{
  char name[64];
  PgQuery__Constraint named = *constraint;
  if (!utility_text_given(constraint->conname)) {
    struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
    name_make(&maker, definition->name, NULL, "check", name);
    named.conname = name;
  } else if (relation_has_constraint(definition, constraint->conname))
    return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%s\" for domain \"%s\" already exists",
                     constraint->conname, definition->name);
  int status = constraint_add_check(input, definition, &named, error);
  if (status && error) {
    error_position(error, 0);
    error->hint[0] = 0;
  }
  return status;
}

static int put_default(const struct utility_input *input, struct relation *definition, const PgQuery__Node *tree,
                       struct error *error)
{
  struct column *column = &definition->schema.columns[0];
  snprintf(column->name, sizeof column->name, "%s", definition->name); // as messages call it
  int status = table_default(input, definition, 0, tree, error);
  snprintf(column->name, sizeof column->name, "value");
  return status;
}

struct facets {
  bool has_null, has_not_null, has_default;
};

static int add_facet(const struct utility_input *input, struct relation *definition, struct facets *facets,
                     const PgQuery__Constraint *constraint, struct error *error)
{
  switch (constraint->contype) {
  case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
  case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
    facets->has_null |= constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL;
    facets->has_not_null |= constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL;
    definition->schema.columns[0].not_null = facets->has_not_null;
    return facets->has_null && facets->has_not_null
               ? error_set(error, SQLSTATE_SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints")
               : 0;
  case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
    if (facets->has_default)
      return error_set(error, SQLSTATE_SYNTAX_ERROR, "multiple default expressions");
    facets->has_default = true;
    return put_default(input, definition, constraint->raw_expr, error);
  case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: return add_check(input, definition, constraint, error);
  case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "unique constraints not possible for domains");
  case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "primary key constraints not possible for domains");
  case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "exclusion constraints not possible for domains");
  case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "foreign key constraints not possible for domains");
  default:
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "specifying constraint deferrability not supported for domains");
  }
}

int domain_create(const struct utility_input *input, const PgQuery__CreateDomainStmt *create, struct error *error)
{
  struct bind_input bind = utility_bind(input);
  struct relation *definition;
  int status = type_define(input, create->domainname, create->n_domainname, TYPE_IS_DOMAIN, &definition, error);
  if (status)
    return status;
  if (!table_grow(input, definition, 1))
    return error_memory(error);
  struct column *column = &definition->schema.columns[0];
  definition->schema.column_count = 1;
  snprintf(column->name, sizeof column->name, "value");
  status = bind_type(&bind, create->type_name, input->text, &column->type, &column->domain, error);
  if (!status && column->type.id & TYPE_USER_ROW)
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "domains over composite types are not supported");
  if (status && error)
    error_position(error, 0);
  const struct relation *below =
      status || !column->domain ? NULL : catalog_find_oid(input->catalog, input->writer->version, column->domain);
  if (below && type_is_array(column->type.id) && !type_is_array(below->schema.columns[0].type.id))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "domains over arrays of domains are not supported");
  if (below)
    definition->defaults[0].text = below->defaults[0].text;
  struct facets facets = {0};
  for (size_t i = 0; i < create->n_constraints && !status; i++)
    status = add_facet(input, definition, &facets, create->constraints[i]->constraint, error);
  return status ? status : catalog_create(input->catalog, input->writer, definition, error);
}

// --- ALTER DOMAIN -----------------------------------------------------------------------------------------------

struct validation {
  struct row_walk walk; // first: a walk that is under way is part of one
  const struct relation *domain;
  const struct domain_test *test;
};

static int visit_value(const struct row_walk *walk)
{
  const struct validation *own = (const void *)walk;
  const struct column *column = &walk->relation->schema.columns[walk->column];
  struct evaluation evaluation = row_evaluation(walk, NULL);
  int status = domain_test(own->test, &evaluation, &walk->values[walk->column]);
  if (!status || !walk->error)
    return status;
  if (strcmp(walk->error->sqlstate, SQLSTATE_NOT_NULL_VIOLATION) == 0)
    return error_set(walk->error, SQLSTATE_NOT_NULL_VIOLATION, "column \"%s\" of table \"%s\" contains null values",
                     column->name, walk->relation->name);
  if (strcmp(walk->error->sqlstate, SQLSTATE_CHECK_VIOLATION) == 0)
    return error_set(walk->error, SQLSTATE_CHECK_VIOLATION,
                     "column \"%s\" of table \"%s\" contains values that violate the new constraint", column->name,
                     walk->relation->name);
  return status;
}

static int validate_table(void *context, const struct relation *table)
{
  struct validation *own = context;
  int status = 0;
  own->walk.relation = table;
  for (int i = 0; i < table->schema.column_count && !status; i++) {
    if (!table->domains || !table->domains[i])
      continue;
    own->walk.column = i;
    own->test = table->domains[i];
    status = row_walk_run(&own->walk, visit_value);
  }
  return status;
}

static int drop_check(const struct utility_input *input, struct relation *definition, const char *name, bool missing_ok,
                      struct error *error)
{
  int kept = 0;
  for (int i = 0; i < definition->check_count; i++)
    if (strcmp(definition->checks[i].name, name) != 0)
      definition->checks[kept++] = definition->checks[i];
  bool is_found = kept < definition->check_count;
  definition->check_count = kept;
  if (is_found)
    return 0;
  if (!missing_ok)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of domain \"%s\" does not exist", name,
                     definition->name);
  utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "constraint \"%s\" of domain \"%s\" does not exist, skipping", name,
                 definition->name);
  return 0;
}

int domain_alter(const struct utility_input *input, const PgQuery__AlterDomainStmt *alter, struct error *error)
{
  const struct relation *domain;
  int status = type_find(input, alter->type_name, alter->n_type_name, TYPE_IS_DOMAIN, false, &domain, error);
  struct relation *definition = status ? NULL : catalog_copy(domain, input->arena);
  if (!definition)
    return status ? status : error_memory(error);
  struct facets facets = {0};
  bool validates = false;
  switch (alter->subtype[0]) {
  case 'T': status = put_default(input, definition, alter->def, error); break;
  case 'N': definition->schema.columns[0].not_null = false; break;
  case 'O': validates = definition->schema.columns[0].not_null = true; break;
  case 'C':
    validates = !alter->def->constraint->skip_validation;
    status = add_facet(input, definition, &facets, alter->def->constraint, error);
    break;
  case 'X': status = drop_check(input, definition, alter->name, alter->missing_ok, error); break;
  case 'V':
    validates = true;
    if (!relation_has_constraint(definition, alter->name))
      status = error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of domain \"%s\" does not exist",
                         alter->name, definition->name);
    for (int i = 0; i < definition->check_count; i++)
      if (strcmp(definition->checks[i].name, alter->name) == 0)
        definition->checks[i].is_not_valid = false;
    break;
  default: return utility_unsupported(input, error, -1, "this form of ALTER DOMAIN is");
  }
  if (!status)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status)
    status = catalog_touch_dependents(input->writer, definition->oid);
  struct validation validation = {.walk = {.input = input, .error = error}, .domain = definition};
  return status || !validates ? status
                              : type_walk_tables(input, definition->oid, &validation, validate_table, error);
}

int domain_rename_constraint(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error)
{
  const PgQuery__List *names = rename->object->list;
  const struct relation *domain;
  int status = type_find(input, names->items, names->n_items, TYPE_IS_DOMAIN, false, &domain, error);
  struct relation *definition = status ? NULL : catalog_copy(domain, input->arena);
  if (!definition)
    return status ? status : error_memory(error);
  if (relation_has_constraint(definition, rename->newname))
    return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%s\" for domain %s already exists", rename->newname,
                     definition->name);
  for (int i = 0; i < definition->check_count; i++)
    if (strcmp(definition->checks[i].name, rename->subname) == 0) {
      snprintf(definition->checks[i].name, sizeof definition->checks[i].name, "%s", rename->newname);
      status = catalog_replace(input->catalog, input->writer, definition, error);
      return status ? status : catalog_touch_dependents(input->writer, definition->oid);
    }
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" for domain %s does not exist", rename->subname,
                   definition->name);
}
