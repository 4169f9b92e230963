# What modules of several policies could share.
package outrider.lib.teams

owns(team, service) if service in data.teams[team].services

known(team) if data.teams[team]
