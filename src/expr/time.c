#include "expr/tables.h"
const struct function time_functions[] = {{0}};
