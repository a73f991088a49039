# find_package(dnnbrain): the target dnnbrain::dnnbrain. The library's own dependencies are private,
# so that nothing else has to be found.
include("${CMAKE_CURRENT_LIST_DIR}/dnnbrain-targets.cmake")
