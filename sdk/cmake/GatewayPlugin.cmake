# gateway_plugin(NAME source... [LIBS library...])
#
# Build NAME.so from the sources with the SDK's headers. Libraries of your own go after LIBS.
# The result exports gw_plugin_entry (which GW_PLUGIN defines) and nothing else, and it does
# not link when it calls a function that neither the sources nor LIBS have.
function(gateway_plugin name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
    set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map")
    add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${name} PROPERTIES
        PREFIX ""
        C_VISIBILITY_PRESET hidden
        POSITION_INDEPENDENT_CODE ON
        LINK_DEPENDS "${map}")
    target_link_libraries(${name} PRIVATE gateway::sdk ${arg_LIBS})
    target_link_options(${name} PRIVATE "LINKER:--version-script=${map}")

    # A sanitizer's functions are found in the program that loads the plugin, not at link time.
    get_directory_property(options COMPILE_OPTIONS)
    if(NOT "${options} ${CMAKE_C_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}" MATCHES "-fsanitize")
        target_link_options(${name} PRIVATE LINKER:--no-undefined)
    endif()
endfunction()

# gateway_plugin_test(NAME FOLDER)
#
# `ctest` puts the plugin NAME, which gateway_plugin() builds, through the conformance kit, with the cases of FOLDER.
# enable_testing() comes before it.
function(gateway_plugin_test name folder)
    cmake_path(ABSOLUTE_PATH folder)
    add_test(NAME ${name}-conformance COMMAND gateway::gateway-conformance $<TARGET_FILE:${name}> "${folder}")
endfunction()
