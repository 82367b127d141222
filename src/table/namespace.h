// Schemas: the spaces of names, rows of TREE_SCHEMAS.
#pragma once

#include "table/write.h"

// Walks all schemas in oid order: start with *oid = 0. The name lives as long as the catalog. False: behind the last.
bool namespace_next(struct catalog *catalog, const struct version *version, uint32_t *oid, const char **name);
// 42P06 if there is one of this name. The schema `public` has its own number whenever it is made.
int namespace_create(struct writer *writer, const char *name, uint32_t owner, uint32_t *oid);
int namespace_put(struct writer *writer, uint32_t oid, uint32_t owner, const char *name); // the row as it is
int namespace_rename(struct writer *writer, uint32_t oid, const char *name);
int namespace_give(struct writer *writer, uint32_t oid, uint32_t owner); // to another owner
// The row and its rights alone: what is in it has gone before.
int namespace_drop(struct writer *writer, uint32_t oid);
uint32_t namespace_oid_limit(const struct version *version); // behind the largest in use
