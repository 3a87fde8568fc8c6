/** Emoji of the group "nature": the glyph, then words to find it by, in English and Chinese. */

export const nature = `
🐶 dog 狗
🐱 cat 猫
🐭 mouse 老鼠
🐹 hamster 仓鼠
🐰 rabbit bunny 兔子
🦊 fox 狐狸
🐻 bear 熊
🐼 panda 熊猫
🐨 koala 考拉
🐯 tiger 老虎
🦁 lion 狮子
🐮 cow 牛
🐷 pig 猪
🐸 frog 青蛙
🐵 monkey 猴子
🐔 chicken 鸡
🐧 penguin 企鹅
🐦 bird 鸟
🐤 chick 小鸡
🦆 duck 鸭
🦉 owl 猫头鹰
🐺 wolf 狼
🐴 horse 马
🦄 unicorn 独角兽
🐝 bee 蜜蜂
🐛 bug worm 虫
🦋 butterfly 蝴蝶
🐌 snail slow 蜗牛 慢
🐞 ladybug 瓢虫
🐢 turtle slow 乌龟 慢
🐍 snake python 蛇
🐉 dragon 龙
🐙 octopus 章鱼
🦀 crab rust 螃蟹
🦐 shrimp 虾
🐟 fish 鱼
🐬 dolphin 海豚
🐳 whale docker 鲸鱼
🦈 shark 鲨鱼
🐘 elephant 大象
🐑 sheep 羊
🐓 rooster 公鸡
🐾 paw 爪
🌵 cactus 仙人掌
🎄 christmas tree 圣诞树
🌲 evergreen tree 树
🌳 tree 树
🌴 palm tree 棕榈 树
🌱 seedling plant 发芽
🍀 clover luck 四叶草 好运
🍁 maple leaf autumn 枫叶 秋天
🍂 fallen leaf autumn 落叶 秋天
🌸 cherry blossom flower 樱花 花
🌹 rose flower 玫瑰 花
🥀 wilted flower 凋谢
🌻 sunflower 向日葵
🌷 tulip flower 郁金香 花
💐 bouquet flowers 花束
🌍 earth world globe 地球 世界
🌙 moon night 月亮
🌕 full moon 满月
☀️ sun sunny 太阳 晴
⛅ cloud sun 多云
☁️ cloud 云
🌧️ rain 下雨
⛈️ storm thunder 雷雨
❄️ snow cold 雪
⛄ snowman 雪人
🌈 rainbow 彩虹
⚡ lightning zap 闪电
💧 drop water 水滴
🌊 wave sea 海浪
☔ umbrella rain 雨伞
`;
