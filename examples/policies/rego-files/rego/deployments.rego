package outrider

import data.outrider.lib.teams

# Everybody may look.
allow if startswith(input.tool.name, "list_")

# A team deploys and rolls back its own services, where there is such a place.
allow if {
	input.tool.name in {"deploy", "rollback"}
	data.environments[input.tool.args.environment]
	teams.owns(input.claims.team, input.tool.args.service)
}

deny contains message if {
	limit := data.environments[input.tool.args.environment].replicas
	input.tool.args.replicas > limit
	message := sprintf("At most %d replicas there.", [limit])
}

# A list shows what the caller's team could call with the right arguments.
visible if startswith(input.tool.name, "list_")

visible if {
	input.tool.name in {"deploy", "rollback"}
	teams.known(input.claims.team)
}
