#include "lanes_avx2.h"
#include "picture.h"

const makar::Path makar::avx2_path = {kMaxQueries, step, multiply, multiply_bytes, draw};
