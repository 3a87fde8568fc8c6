/** Emoji of the group "hearts": the glyph, then words to find it by, in English and Chinese. */

export const hearts = `
❤️ red heart love 爱 心 红心
🧡 orange heart 橙心
💛 yellow heart 黄心
💚 green heart 绿心
💙 blue heart 蓝心
💜 purple heart 紫心
🖤 black heart 黑心
🤍 white heart 白心
🤎 brown heart 棕心
💔 broken heart 心碎
❤️‍🔥 heart on fire 火热
💕 two hearts love 爱
💞 revolving hearts 爱
💓 beating heart 心跳
💗 growing heart 爱
💖 sparkling heart 爱
💘 arrow heart cupid 爱 丘比特
💝 heart ribbon gift 礼物 爱
💋 kiss lips 吻 嘴唇
💌 love letter 情书
💯 hundred perfect score 满分 一百
💢 anger 生气
💥 boom collision 爆炸
💫 dizzy star 晕
💦 sweat drops 汗 水
💨 dash fast 快 跑
🔥 fire hot lit 火 热
✨ sparkles shiny 闪亮 星
⭐ star 星星
🌟 glowing star 星星
🎉 party popper tada celebrate congratulations 庆祝 恭喜
🎊 confetti celebrate 庆祝
🎈 balloon 气球
🎁 gift present 礼物
🏆 trophy win 奖杯 冠军
🥇 gold medal first 金牌 第一
🥈 silver medal 银牌
🥉 bronze medal 铜牌
🎯 target dart bullseye 目标
💤 zzz sleep 睡觉
💬 speech message chat 消息 聊天
💭 thought 想
`;
