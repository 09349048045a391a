# Included after the baselines. A rule based on `foreign` makes the cells of the method that has its name, from the
# prepared data set. `use rule ... with: input:` replaces all inputs, so the data set is added here.
FOREIGN = workflow.get_rule("foreign")
for program in workflow.rules:
    if program.shellcmd == FOREIGN.shellcmd:
        check_inputs(program.name, program.input.keys())
        if "data" not in program.input.keys():
            program.set_input(
                data=ancient(f"{STUDY.data.directory}/{{dataset}}.safetensors")
            )
        program.set_wildcard_constraints(method=program.name)
        program.update_wildcard_constraints()
check_rules(STUDY, [program.name for program in workflow.rules])
